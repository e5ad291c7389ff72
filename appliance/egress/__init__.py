"""What leaves the building, and only by these ways: policy, mask, ledger, permit."""
