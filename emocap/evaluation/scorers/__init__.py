"""What stands between a reply and a number: other models, string matching, and lists of words."""
