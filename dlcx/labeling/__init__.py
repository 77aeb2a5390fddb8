"""The labels of a project: labeled-data folders, importing, backups and extracted frames."""
