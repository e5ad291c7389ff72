"""Kills the appliance and compares what an outside log knows with what is there afterwards."""
