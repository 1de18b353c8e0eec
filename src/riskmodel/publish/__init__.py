"""What people read: figures, the model card, and the page for one young person. Record, then template, then text."""
