"""Pictures and pages of what was found; pictures need the extra `report`, text not."""
