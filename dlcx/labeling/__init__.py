"""The labels of a project: labeled-data folders, importing, backups and newly extracted frames."""
