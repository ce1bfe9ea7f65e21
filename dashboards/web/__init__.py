"""What every web part needs: who may ask and how often, what each request passes, where it listens; no page."""
