"""Models made anew from the operator's own data: trained, held against those in use, and installed beside them."""
