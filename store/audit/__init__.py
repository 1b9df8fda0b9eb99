"""The trail of all changes: searched, paged, proven and taken out."""
