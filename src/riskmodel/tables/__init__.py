"""Typed, frozen tables that stages hand to one another."""
