"""Static pages from the files that the verbs leave behind. They open from disk, without a network."""
