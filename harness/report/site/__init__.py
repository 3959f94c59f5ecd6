"""The site of a folder of published reports: pages that open from a folder, without a network."""
