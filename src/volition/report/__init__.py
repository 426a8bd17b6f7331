"""What was found, as text; with the extra `report` as pictures and pages, too."""
