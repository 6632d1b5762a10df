"""Files of orders (docs/files.md): read, whichever way they were made, and written."""
