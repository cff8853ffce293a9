"""Fine-tuning: networks that learn the labels themselves, and judge those alone that they were not shown."""
