package schedule

func (c *cron) describe() string   { return c.words }
func (r *repeat) describe() string { return r.words }

func describeCron(c *cron, fields []string) string                  { return "" }
func describeRepeat(r *repeat, count int64, atCreation bool) string { return "" }
func describePeriod(p period) string                                { return "" }
func (r *repeat) describeInstant() string                           { return "" }

// Describe says in words what the schedule means.
func (s *Schedule) Describe() string { return "" }

// Describe says in words what the expression means.
func (x Expression) Describe() string { return x.expr.describe() }
