"""Rights of the people in the data: objection (UK GDPR Article 21), erasure (Article 17), and a log of both."""
