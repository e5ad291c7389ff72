"""The support appliance: a ticket goes in, a grounded answer with its source or a clean hand-over comes out."""

__version__ = "0.1.0"
