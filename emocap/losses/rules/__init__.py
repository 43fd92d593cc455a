"""Rules of positive mining, one file each."""
