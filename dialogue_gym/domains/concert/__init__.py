"""Search concerts and venues for a user, and show the reviews of the last search.

## Description
The user walks through an agenda: perhaps a greeting; a search for concerts, for venues, or for one and
then the other; a question for reviews, which is about the last search; thanks; goodbye. They continue
once the bot has done what was called for, and repeat themselves otherwise; such a turn is useless.

## Action Space
`Discrete(9)` with automatic turn taking. With explicit turn taking `Discrete(10)`: `action_listen` is 0,
and the others move up by one.

| action | name                        | act that it answers                                  |
|--------|-----------------------------|------------------------------------------------------|
| 0      | action_restart              | nothing: the user opens again                        |
| 1      | utter_default               | nothing                                              |
| 2      | utter_greet                 | greet                                                |
| 3      | utter_goodbye               | goodbye                                              |
| 4      | utter_youarewelcome         | thankyou                                             |
| 5      | action_search_concerts      | search_concerts                                      |
| 6      | action_search_venues        | search_venues                                        |
| 7      | action_show_concert_reviews | compare_reviews, if concerts were searched last      |
| 8      | action_show_venue_reviews   | compare_reviews, if venues were searched last        |

## Observation Space
`MultiDiscrete`, 12 components, as in `DialogueEnv`.

## Starting State
An agenda drawn at random, whose first act opens the dialogue.

## Rewards
20 for success and -1 for each step.

## Episode End
Success (terminated): the agenda is finished, goodbye included. Failure (terminated): ten useless turns.
50 steps, or 100 with explicit turn taking (truncated).

## Information
As in `DialogueEnv`.

## Arguments
As in `DialogueEnv`, except for `domain`. An agenda-driven user does not change their mind and has no
slots to tell: `indecisiveness`, `informativeness` and `correction_rate` change nothing here.

## Version History
- v0: initial version.
"""
