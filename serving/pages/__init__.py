"""The pages that marketing opens on Monday: served with the routes, drawn on the server, nothing loaded from elsewhere."""
