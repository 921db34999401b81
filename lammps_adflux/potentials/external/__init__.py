"""Models that others wrote, one file per library; each needs that library, and this package imports
none of them.
"""
