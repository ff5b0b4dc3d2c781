"""The rules of a bot that books a table by a form, to which tests add their own."""

FORM_RULES = """
rules:
- rule: Greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: Begin
  steps:
  - intent: book
  - action: booking
  - active_loop: booking
- rule: End
  condition:
  - active_loop: booking
  steps:
  - action: booking
  - active_loop: null
  - slot_was_set:
    - requested_slot: null
  - action: utter_submit
"""
