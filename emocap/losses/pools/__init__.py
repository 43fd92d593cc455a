"""How a text picks its region out of the patches of a picture, one file each."""
