"""What the kiosk keeps on its own disk: outbox, gallery, identity, configuration."""
