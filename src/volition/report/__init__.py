"""Pictures and pages of what was found; needs the extra `report`."""
