"""What people have on their disks: images, videos, sounds, tables, and where they lie."""
