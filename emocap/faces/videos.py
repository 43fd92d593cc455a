"""What counts as a video file, and how one is opened without harm."""

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts")

# A file that calls itself a video may be a playlist; one must not make a reader open other files or the network.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,ogg"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
"""For ``av.open``, whose path is to begin with ``file:``."""
