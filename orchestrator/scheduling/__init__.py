"""Plans at their cron times."""
