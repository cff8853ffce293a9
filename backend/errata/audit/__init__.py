"""One run over a source project: collect, believe, suspect, publish. Everything outside comes by a port."""
