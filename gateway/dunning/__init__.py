"""How debtors are reminded: policies, runs, reminders and the channels they take."""
