"""One controller a page or resource. Handlers are doors: they check, pass on, and shape the answer."""
