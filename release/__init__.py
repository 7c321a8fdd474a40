"""What goes out beside the images: generated pages of the site, the bill of materials, licences, the version."""
