"""Work that several commands share: sessions, the score store, scoring, weekly lists, outcomes."""
