"""What importing labels is made of: where their images lie, which folder they belong to, and files written together."""
