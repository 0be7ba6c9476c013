"""The work that several commands share: sessions, publishing, weekly lists, outcomes."""
