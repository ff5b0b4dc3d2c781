"""Find a restaurant, bar or cafe of an invented city, and tell details of it.

## Description
120 venues of a city that does not exist. The user wants 2 to 4 of the 5 kinds of value (12 kinds, 6
areas, 3 prices, 2 seatings, 4 atmospheres), does not care about the others, and asks for 1 to 3 of 4
details (phone, address, hours, website) of the one that is chosen. The bot asks, confirms, offers,
looks for alternatives and tells details; the database decides what there is. One user in some twelve
wants what nothing has, and has to be told so.

## Action Space
`Discrete(23)` with automatic turn taking. With explicit turn taking `Discrete(24)`: `action_listen` is
0, and the others move up by one.

| action | name                     | reaction of the user                                               |
|--------|--------------------------|--------------------------------------------------------------------|
| 0      | action_restart           | opens anew: the bot has forgotten everything                       |
| 1      | utter_ask_kind           | tells the kind, and perhaps more                                   |
| 2      | utter_ask_area           | tells the area, and perhaps more                                   |
| 3      | utter_ask_price          | tells the price, and perhaps more                                  |
| 4      | utter_ask_seating        | tells the seating, and perhaps more                                |
| 5      | utter_ask_atmosphere     | tells the atmosphere, and perhaps more                             |
| 6      | utter_confirm_kind       | affirms, or names the right kind, or denies                        |
| 7      | utter_confirm_area       | affirms, or names the right area, or denies                        |
| 8      | utter_confirm_price      | affirms, or names the right price, or denies                       |
| 9      | utter_confirm_seating    | affirms, or names the right seating, or denies                     |
| 10     | utter_confirm_atmosphere | affirms, or names the right atmosphere, or denies                  |
| 11     | utter_select_kind        | tells the kind                                                     |
| 12     | utter_select_area        | tells the area                                                     |
| 13     | utter_select_price       | tells the price                                                    |
| 14     | utter_select_seating     | tells the seating                                                  |
| 15     | utter_select_atmosphere  | tells the atmosphere                                               |
| 16     | utter_offer              | accepts and asks for details, asks for another, corrects or denies |
| 17     | utter_other              | the same                                                           |
| 18     | utter_tell               | asks for more details, thanks, or leaves (success)                 |
| 19     | utter_more               | asks for details, or leaves if all is told (success)               |
| 20     | utter_bye                | leaves if all is told (success), else denies                       |
| 21     | utter_pardon             | says the same again                                                |
| 22     | utter_greet              | greets                                                             |

## Observation Space
`MultiDiscrete`, 26 components, as in `DialogueEnv`: by slot whether it is empty, filled or does not
matter, how sure that is, and whether there is a second hypothesis; the last acts; how much is known,
how many matches there are, the state of the offer, and the details that are still to be told. Neither
values nor names.

## Starting State
A user with a behaviour and a goal drawn at random. The opening is a greeting, or tells a part of the goal.

## Rewards
20 for success and -1 for each step.

## Episode End
Success (terminated): the user has chosen, knows all details, and leaves. Failure (terminated):
patience, 4 or 5 at the start and one less with each useless turn, has run out. 25 steps, or 50 with
explicit turn taking (truncated).

## Information
As in `DialogueEnv`.

## Arguments
As in `DialogueEnv`, except for `domain`.

## Version History
- v0: initial version.
"""
