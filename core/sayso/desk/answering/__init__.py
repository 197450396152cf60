"""Who answers, and what a press or an answer comes to before the machine decides."""
