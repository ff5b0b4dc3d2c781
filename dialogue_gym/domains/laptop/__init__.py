"""Find a laptop of an invented maker, and tell details of it.

## Description
123 laptops of a maker that does not exist. The user wants 2 to 4 of the 11 kinds of value (4 series, 7
uses, 3 prices, 3 sizes of storage, 3 weights, 3 batteries, 5 systems, 10 processors, 7 sizes of memory,
3 warranties, 2 screens), does not care about the others, and asks for 1 to 3 of 9 details (cost, drive,
graphics, display, ports, runtime, grams, size, colour) of the one that is chosen. The bot asks,
confirms, offers, looks for alternatives and tells details; the database decides what there is. One user
in some twelve wants what nothing has, and has to be told so.

## Action Space
`Discrete(41)` with automatic turn taking. With explicit turn taking `Discrete(42)`: `action_listen` is
0, and the others move up by one.

| action | name                    | reaction of the user                                               |
|--------|-------------------------|--------------------------------------------------------------------|
| 0      | action_restart          | opens anew: the bot has forgotten everything                       |
| 1      | utter_ask_series        | tells the series, and perhaps more                                 |
| 2      | utter_ask_use           | tells the use, and perhaps more                                    |
| 3      | utter_ask_price         | tells the price, and perhaps more                                  |
| 4      | utter_ask_storage       | tells the storage, and perhaps more                                |
| 5      | utter_ask_weight        | tells the weight, and perhaps more                                 |
| 6      | utter_ask_battery       | tells the battery, and perhaps more                                |
| 7      | utter_ask_system        | tells the system, and perhaps more                                 |
| 8      | utter_ask_processor     | tells the processor, and perhaps more                              |
| 9      | utter_ask_memory        | tells the memory, and perhaps more                                 |
| 10     | utter_ask_warranty      | tells the warranty, and perhaps more                               |
| 11     | utter_ask_screen        | tells the screen, and perhaps more                                 |
| 12     | utter_confirm_series    | affirms, or names the right series, or denies                      |
| 13     | utter_confirm_use       | affirms, or names the right use, or denies                         |
| 14     | utter_confirm_price     | affirms, or names the right price, or denies                       |
| 15     | utter_confirm_storage   | affirms, or names the right storage, or denies                     |
| 16     | utter_confirm_weight    | affirms, or names the right weight, or denies                      |
| 17     | utter_confirm_battery   | affirms, or names the right battery, or denies                     |
| 18     | utter_confirm_system    | affirms, or names the right system, or denies                      |
| 19     | utter_confirm_processor | affirms, or names the right processor, or denies                   |
| 20     | utter_confirm_memory    | affirms, or names the right memory, or denies                      |
| 21     | utter_confirm_warranty  | affirms, or names the right warranty, or denies                    |
| 22     | utter_confirm_screen    | affirms, or names the right screen, or denies                      |
| 23     | utter_select_series     | tells the series                                                   |
| 24     | utter_select_use        | tells the use                                                      |
| 25     | utter_select_price      | tells the price                                                    |
| 26     | utter_select_storage    | tells the storage                                                  |
| 27     | utter_select_weight     | tells the weight                                                   |
| 28     | utter_select_battery    | tells the battery                                                  |
| 29     | utter_select_system     | tells the system                                                   |
| 30     | utter_select_processor  | tells the processor                                                |
| 31     | utter_select_memory     | tells the memory                                                   |
| 32     | utter_select_warranty   | tells the warranty                                                 |
| 33     | utter_select_screen     | tells the screen                                                   |
| 34     | utter_offer             | accepts and asks for details, asks for another, corrects or denies |
| 35     | utter_other             | the same                                                           |
| 36     | utter_tell              | asks for more details, thanks, or leaves (success)                 |
| 37     | utter_more              | asks for details, or leaves if all is told (success)               |
| 38     | utter_bye               | leaves if all is told (success), else denies                       |
| 39     | utter_pardon            | says the same again                                                |
| 40     | utter_greet             | greets                                                             |

## Observation Space
`MultiDiscrete`, 44 components, as in `DialogueEnv`: by slot whether it is empty, filled or does not
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
