"""The command ``appliance``: one noun a file."""
