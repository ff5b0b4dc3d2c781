"""Book a restaurant for a user with a hidden goal, who may change their mind.

## Description
The user wants a cuisine (french, indian, chinese, sushi, british), a number of people (2, 3, 5, 6), a
location (london, paris, berlin, san francisco) and a price (moderate, expensive, cheap). The bot asks
for missing details and suggests a restaurant; a suggestion that matches all four is a success.

## Action Space
`Discrete(16)` with automatic turn taking. With explicit turn taking `Discrete(17)`: `action_listen` is 0,
and the others move up by one.

| action | name                       | reaction of the user                                   |
|--------|----------------------------|--------------------------------------------------------|
| 0      | action_restart             | opens again: the bot has forgotten everything          |
| 1      | utter_greet                | opens again                                            |
| 2      | utter_ask_howcanhelp       | opens again                                            |
| 3      | utter_ask_cuisine          | tells the cuisine                                      |
| 4      | utter_ask_location         | tells the location                                     |
| 5      | utter_ask_price            | tells the price                                        |
| 6      | utter_ask_numpeople        | tells the number of people                             |
| 7      | action_suggest             | affirms (success), denies, or names a right value      |
| 8      | utter_ack_makereservation  | denies: nothing has been agreed                        |
| 9      | utter_ask_helpmore         | denies, or names a wish if they change it now          |
| 10     | utter_on_it                | denies                                                 |
| 11     | action_search_restaurants  | nothing: the action is silent                          |
| 12     | utter_ack_findalternatives | denies                                                 |
| 13     | utter_ask_moreupdates      | denies                                                 |
| 14     | action_store_slot          | nothing: the action is silent                          |
| 15     | utter_goodbye              | denies                                                 |

## Observation Space
`MultiDiscrete`, 18 components, as in `DialogueEnv`: each slot as filled or not, without its value.

## Starting State
A goal drawn at random; the opening has named 1 + Poisson(0.1) of its slots.

## Rewards
20 for success and -1 for each step.

## Episode End
Success (terminated); patience, 10 at the start and one less with each useless turn, has run out
(terminated); 50 steps, or 100 with explicit turn taking (truncated). A turn is useless if it brings a
denial, a repeated opening, a restart, a failed suggestion or ten silent actions in a row; without noise,
a question for a known slot is useless too.

## Information
As in `DialogueEnv`.

## Arguments
As in `DialogueEnv`, except for `domain`.

## Version History
- v0: initial version.
"""
