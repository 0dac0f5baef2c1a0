"""Arguments in; data, narration and exit codes out."""
