"""What pictures come out of: archives and videos."""
