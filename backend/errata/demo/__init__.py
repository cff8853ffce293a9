"""The main job on a Label Studio of its own: `errata demo`."""
