"""Words by which training pairs for the support checker are rewritten: what keeps a sentence's meaning, and what turns it round."""

from __future__ import annotations

SAME = tuple(
    tuple(group.split("|"))
    for group in """select|choose|click
need|require
needs|requires
remove|take out
at once|immediately|right away
immediately|at once|straight away
within|in no more than
before|prior to
at most|no more than
up to|at most
begin|start
begins|starts
show|display
shows|displays
is shown|is displayed|appears
is available|is offered
are available|are offered
get|receive
gets|receives
contact|get in touch with
article|page
sign in|log in
signed in|logged in
error|fault
means that|tells you that
makes|creates
keep|retain
fix|solve
problem|issue
e-mail|mail|email
cannot|can't|can not|are not able to
can|is able to
must|has to
must|have to
do not|don't
does not|doesn't
is not|isn't
are not|aren't
will not|won't
computer|machine
help|assist
also|too
every|each
because|since
large|big
folder|directory
delete|erase
deleted|erased
allow|let
allows you to|lets you
make sure|ensure
open|go to
add|put in
enter|type in
restart|reboot
install|set up
however|but
for example|e.g.
website|web page
several|a number of
different|other
the following|these
automatically|by itself
free of charge|at no cost
changes|alters
usually|normally""".splitlines()
)
"""Groups of phrases that may stand for each other in a help article."""

OPPOSITE = tuple(
    tuple(pair.split("|"))
    for pair in """enable|disable
enabled|disabled
enables|disables
turn on|turn off
turned on|turned off
switch on|switch off
switched on|switched off
allow|block
allowed|forbidden
allows|blocks
add|remove
added|removed
adding|removing
before|after
first|last
increase|decrease
minimum|maximum
more than|less than
at least|at most
up to|at least
older|newer
later|earlier
larger|smaller
higher|lower
include|exclude
includes|excludes
included|excluded
free|paid
free of charge|for a fee
open|close
opens|closes
start|stop
starts|stops
starts|ends
begins|ends
accept|reject
accepted|rejected
approved|refused
manually|automatically
online|offline
public|private
visible|hidden
show|hide
shows|hides
upload|download
install|uninstall
send|receive
sends|receives
sender|recipient
import|export
lock|unlock
locked|unlocked
saved|lost
keep|delete
keeps|deletes
kept|deleted
required|optional
mandatory|voluntary
possible|impossible
valid|invalid
always|never
all|none of the
everyone|nobody
every|no
internal|external
same|different
works|fails
work|fail
correct|wrong
inside|outside
with|without
immediately|at the end of the month
daily|weekly
monthly|yearly
per month|per year
per day|per week
per minute|per hour
for the first time|every time
by default|on request
increases|reduces
above|below
long|short
full|empty
old|new
left|right
up|down
on|off
success|failure
supported|unsupported
compatible|incompatible
permanently|temporarily
restored|erased
charged|refunded
once|twice
only|also
some|all
many|all
most|all
usually|always
often|always
may|must
might|will
can|must
should|must
or|and
expires|is renewed
ends|goes on
recommended|required
either|neither
seconds|minutes
minutes|hours
hours|days
days|weeks
weeks|months
months|years
megabytes|gigabytes
MB|GB
kB|MB
Mbit/s|Gbit/s
€|$
£|€""".splitlines()
)
"""Pairs of phrases of which one in place of the other makes another claim."""

_NUMBERS = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty"""
NUMBER_WORDS = dict(enumerate(_NUMBERS.split(), start=1)) | {
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
    90: "ninety",
}

SAME_SPAN = (
    ("24 hours", "one day"), ("24 hours", "a day"), ("14 days", "two weeks"), ("7 days", "a week"), ("12 months", "a year"),
    ("60 minutes", "one hour"), ("60 seconds", "one minute"), ("30 minutes", "half an hour"), ("28 days", "four weeks"),
    ("12 hours", "half a day"), ("a week", "seven days"), ("48 hours", "two days"), ("one year", "12 months"),
)  # fmt: skip

OPENERS = (
    "Yes, ", "No, ", "Please note that ", "Note that ", "According to the article, ", "In short, ", "As the article says, ", "Unfortunately, ",
    "You're right: ", "Just so you know, ", "For this, ", "In this case, ", "Good news: ",
)  # fmt: skip
SOFT_STARTS = (
    "You can ",
    "You need to ",
    "Please ",
    "Just ",
    "You should ",
    "Then ",
    "To do this, ",
    "First, ",
    "It's best to ",
)
"""Before an imperative."""
COURTESY = ("Sorry to hear that. ", "I'm sorry you're having trouble. ", "Thanks for asking. ")

INVENTED = (
    " at no extra cost", " for a small fee", " free of charge", " within 24 hours", " by phone", " without any approval",
    " after your manager has approved it", " in all countries", " for all users", " automatically", " for up to 30 days",
    ", and you will get a refund", ", and support can do it for you", ", even without an account", " as often as you like",
    " in the mobile app", " on every device", " and cannot be undone", " unless you are an administrator", " only once",
    ", and this also applies to guests", " after a restart", " with the newest version only", ", and all data is deleted",
    ", which takes about five minutes", " every night", " on weekdays only", " in the premium version", " for ever",
)  # fmt: skip
"""Ends of a sentence that add what no source says."""

ROLES = (
    ("Owner", "Admin", "Manager", "Member", "Guest", "Billing admin"),
    ("owner", "administrator", "guest", "member"),
    ("Free", "Team", "Business", "Enterprise"),
    ("Windows", "Mac", "Linux"),
    ("Windows", "macOS"),
    ("iPhone", "Android"),
    ("iOS", "Android"),
    ("EU", "UK", "US"),
    ("service desk", "manager", "security team"),
    ("customer", "agent", "seller"),
    ("user", "administrator"),
    ("users", "administrators"),
    ("sender", "recipient"),
    ("buyer", "seller"),
    ("client", "server"),
    ("Firefox", "Chrome", "Thunderbird"),
    ("Word", "Excel", "Outlook", "PowerPoint"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("January", "February", "March", "June", "October", "November", "December"),
    ("e-mail", "phone", "chat", "text message"),
    ("password", "user name", "PIN"),
    ("file", "folder"),
    ("tab", "window"),
    ("bookmarks", "history", "passwords"),
    ("cookies", "extensions"),
    ("desktop", "mobile"),
    ("red", "green", "blue", "yellow"),
)  # fmt: skip
"""Terms of one kind: one in the place of another is another claim."""

_PARTICIPLES = """add:added allow:allowed approve:approved assign:assigned ask:asked book:booked borrow:borrowed build:built buy:bought
call:called cancel:cancelled change:changed charge:charged check:checked choose:chosen claim:claimed clean:cleaned clear:cleared close:closed
collect:collected combine:combined configure:configured connect:connected copy:copied correct:corrected create:created customize:customized
deactivate:deactivated delete:deleted disable:disabled download:downloaded edit:edited enable:enabled enter:entered export:exported
extend:extended find:found fix:fixed give:given hide:hidden import:imported install:installed keep:kept leave:left lock:locked make:made
manage:managed merge:merged move:moved open:opened order:ordered paste:pasted pay:paid perform:performed pin:pinned print:printed
reach:reached read:read recover:recovered redeem:redeemed register:registered remove:removed rename:renamed renew:renewed repair:repaired
replace:replaced report:reported request:requested reset:reset restore:restored return:returned revoke:revoked run:run save:saved search:searched
see:seen select:selected send:sent set:set share:shared show:shown start:started stop:stopped store:stored submit:submitted switch:switched
sync:synced transfer:transferred undo:undone update:updated upload:uploaded use:used view:viewed withdraw:withdrawn write:written"""
PARTICIPLES = dict(pair.split(":") for pair in _PARTICIPLES.split())
