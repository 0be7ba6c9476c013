"""The web pages for marketing: rendered on the server, beside the API routes, without content from other sites."""
