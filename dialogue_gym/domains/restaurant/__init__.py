"""Book a restaurant for a user with a hidden goal, who may change their mind.

## Description
The user wants a cuisine (french, indian, chinese, sushi, british), a number of people (2, 3, 5, 6), a
location (london, paris, berlin, san francisco) and a price (moderate, expensive, cheap). The bot asks
for missing details and suggests a restaurant; a suggestion that matches all four is a success.

## Action Space
`Discrete(16)` with automatic turn taking; `Discrete(17)`, one up and with `action_listen` as 0, with
explicit.

| action | name                       | what the user does                                     |
|--------|----------------------------|--------------------------------------------------------|
| 0      | action_restart             | opens again, after the bot has forgotten all           |
| 1      | utter_greet                | opens again                                            |
| 2      | utter_ask_howcanhelp       | opens again                                            |
| 3      | utter_ask_cuisine          | tells the cuisine                                      |
| 4      | utter_ask_location         | tells the location                                     |
| 5      | utter_ask_price            | tells the price                                        |
| 6      | utter_ask_numpeople        | tells the number of people                             |
| 7      | action_suggest             | affirms (success), denies, or names a right value      |
| 8      | utter_ack_makereservation  | denies: nothing has been agreed                        |
| 9      | utter_ask_helpmore         | denies, or says so if this is when they change a wish  |
| 10     | utter_on_it                | denies                                                 |
| 11     | action_search_restaurants  | nothing: it is silent                                  |
| 12     | utter_ack_findalternatives | denies                                                 |
| 13     | utter_ask_moreupdates      | denies                                                 |
| 14     | action_store_slot          | nothing: it is silent                                  |
| 15     | utter_goodbye              | denies                                                 |

## Observation Space
`MultiDiscrete`, 18 components, as in `DialogueEnv`: whether each slot is filled, not with what.

## Starting State
A goal drawn at random; the opening has told 1 + Poisson(0.1) of its slots.

## Rewards
20 for success and -1 for each step.

## Episode End
Success (terminated); patience, 10 at the start and one less with each useless turn, has run out
(terminated); 50 steps, or 100 with explicit turn taking (truncated). Useless are a denial, a repeated
opening, a restart, a failed suggestion, ten silent actions in a row, and, without noise, a
question for a known slot.

## Information
As in `DialogueEnv`.

## Arguments
As in `DialogueEnv`, except for `domain`.

## Version History
- v0: initial version.
"""
