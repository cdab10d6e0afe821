// NOTIFY (RFC 5465): the client says once of which events it wants to hear, in the selected mailbox and in others, and
// hears of them at any time. Here are the command and its rules; what a session watches stands in session/watch_list.h,
// when and how it is told in session/notify.h, the selected mailbox in session/updates.h.
#include "imap/session/notify.h"
#include "imap/commands/fetch_item.h"
#include "imap/response/responses.h"
#include "imap/session/metadata_news.h"
#include "imap/session/updates.h"

#include <algorithm>
#include <array>
#include <memory>

namespace cpm::imap::ext::notify {

namespace {

using grammar::MailboxFilter;
using Kind = MailboxFilter::Kind;

constexpr unsigned kUnsupported = 1U << 31;

// The events of the RFC. An event becomes supported by getting a bit of its own (session/watch_list.h) and somebody who
// tells it; until then it is answered by BADEVENT, as is any unknown name.
struct Event {
  std::string_view name;
  unsigned bit;
  bool of_messages;     // <message-event>
  bool needs_messages;  // only together with MessageNew and MessageExpunge
};
constexpr std::array<Event, 8> kEvents{{
    {"MessageNew", kMessageNew, true, true},
    {"MessageExpunge", kMessageExpunge, true, true},
    {"FlagChange", kFlagChange, true, true},
    {"AnnotationChange", kAnnotationChange, true, true},
    {"MailboxName", kMailboxName, false, false},
    {"SubscriptionChange", kSubscriptionChange, false, false},
    {"MailboxMetadataChange", kMailboxMetadata, false, false},
    {"ServerMetadataChange", kServerMetadata, false, false},
}};

constexpr unsigned kMetadataEvents = kMailboxMetadata | kServerMetadata;

// The store has annotations all the same; clients see them by METADATA and ANNOTATE alone.
bool supported(const Registry& registry, unsigned bit) {
  if (bit == kAnnotationChange) return registry.has("annotate");
  return bit != kUnsupported && ((bit & kMetadataEvents) == 0 || registry.has("metadata"));
}

struct Group {
  MailboxFilter filter;
  unsigned events = 0;  // 0: NONE
  std::shared_ptr<const FetchItems> fetch;

  [[nodiscard]] bool of_selected() const {
    return filter.kind == Kind::selected || filter.kind == Kind::selected_delayed;
  }
};

struct NotifyCommand {
  bool status = false;
  std::vector<Group> groups;  // empty: NONE
};

void parse_event(wire::Lexer& lexer, const ParseContext& context, Group& group) {
  const std::string name = lexer.word();
  const auto event =
      std::find_if(kEvents.begin(), kEvents.end(), [&](const Event& one) { return wire::iequals(one.name, name); });
  if (event == kEvents.end()) {
    group.events |= kUnsupported;
    return;
  }
  if (group.of_selected() && !event->of_messages) lexer.bad("Only message events concern the selected mailbox");
  group.events |= supported(context.registry, event->bit) ? event->bit : kUnsupported;
  if (event->needs_messages && !supported(context.registry, event->bit)) group.events |= kFlagChange;  // the same rule
  if (event->bit != kMessageNew || lexer.peek() != ' ' || lexer.peek_at(1) != '(') return;
  if (!group.of_selected()) lexer.bad("FETCH items belong to SELECTED and SELECTED-DELAYED");
  lexer.sp();
  group.fetch = std::make_shared<const FetchItems>(parse_fetch_list(lexer, context));
}

Group parse_group(wire::Lexer& lexer, const ParseContext& context) {
  Group group;
  lexer.take('(');
  group.filter = grammar::parse_mailbox_filter(lexer);
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, [&] { parse_event(lexer, context, group); });
  } else if (!lexer.try_word("NONE")) {
    // The examples of the RFC leave out the parentheses of its grammar.
    do parse_event(lexer, context, group);
    while (lexer.try_sp());
  }
  lexer.take(')');
  const unsigned messages = group.events & kMessageEvents;
  constexpr unsigned kBoth = kMessageNew | kMessageExpunge;
  if (messages != 0 && (messages & kBoth) != kBoth) {
    lexer.bad("Message events need both MessageNew and MessageExpunge");
  }
  return group;
}

NotifyCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  NotifyCommand command;
  lexer.sp();
  if (lexer.try_word("NONE")) {
    lexer.end();
    return command;
  }
  lexer.expect_word("SET");
  lexer.sp();
  if (lexer.peek() != '(') {
    lexer.expect_word("STATUS");
    command.status = true;
    lexer.sp();
  }
  bool selected = false;
  do {
    if (command.groups.size() >= context.limits.fetch_items) lexer.bad("Too many event groups");
    command.groups.push_back(parse_group(lexer, context));
    if (!command.groups.back().of_selected()) continue;
    if (selected) lexer.bad("SELECTED or SELECTED-DELAYED may be given once");
    selected = true;
  } while (lexer.try_sp());
  lexer.end();
  return command;
}

Done bad_event(const Session& session) {
  std::string names;
  for (const Event& event : kEvents) {
    if (!supported(session.services.registry, event.bit)) continue;
    names += (names.empty() ? "" : " ") + std::string(event.name);
  }
  return no("Unsupported event", "BADEVENT (" + names + ")");
}

void watch_selected(Notify& notify, const Group& group) {
  if (group.events == 0) return;
  notify.selected = group.filter.kind == Kind::selected ? Notify::Selected::immediate : Notify::Selected::delayed;
  notify.flags = (group.events & kFlagChange) != 0;
  notify.annotations = (group.events & kAnnotationChange) != 0;
  notify.fetch_new = group.fetch;
}

// The state from which the client's picture of a mailbox starts (RFC 5465 3.1).
void tell_status(Session& session, const CounterNews& one) {
  StatusData data;
  data.path = one.mailbox.path;
  data.items = {{"MESSAGES", one.mailbox.messages},
                {"UIDNEXT", one.mailbox.uidnext.value},
                {"UIDVALIDITY", one.mailbox.uidvalidity.value}};
  const bool flags = (one.events & kFlagChange) != 0;
  if (flags) data.items.emplace_back("UNSEEN", one.mailbox.unseen);
  const bool changes = flags || (one.events & kAnnotationChange) != 0;
  if (session.enabled.condstore || (changes && session.services.registry.has("condstore"))) {
    data.items.emplace_back("HIGHESTMODSEQ", one.mailbox.highestmodseq.value);
  }
  session.out << data;
}

boost::asio::awaitable<Done> execute(Session& session, NotifyCommand command) {
  auto notify = std::make_unique<Notify>();
  if (command.groups.empty()) {
    set_notify(session, std::move(notify));
    co_return ok("NOTIFY completed, nothing is told");
  }
  std::vector<EventGroup> others;
  bool modseq = false;
  for (const Group& group : command.groups) {
    if ((group.events & kUnsupported) != 0) co_return bad_event(session);
    if (group.of_selected()) {
      watch_selected(*notify, group);
      modseq = modseq || (group.fetch &&
                          std::find(group.fetch->begin(), group.fetch->end(), modseq_item()) != group.fetch->end());
    } else {
      others.push_back({MailboxChoice(session, group.filter), group.events});
    }
  }
  News news;
  if (std::any_of(others.begin(), others.end(), [](const EventGroup& group) { return group.events != 0; })) {
    notify->others.emplace(std::move(others), session.limits().notify_mailboxes);
    notify->watch = session.services.hub.watch(session.principal->account, session.waker());  // before the first look
    auto first = co_await first_look(session, *notify);
    if (!first && first.error().failure == Failure::limit) {
      co_return no("Too many mailboxes to watch", "NOTIFICATIONOVERFLOW");
    }
    if (!first) co_return failed(first.error());
    news = std::move(*first);
    notify->metadata = notify->others->wants_metadata();
  }
  if (notify->metadata) {  // news begin here; what was asked for before is told first
    session.watch_metadata();
    co_await tell_metadata(session);
    if (!session.metadata_news->told_up_to) {
      const bool needed = session.metadata_news->enabled || (session.notify && session.notify->metadata);
      if (!needed) session.metadata_news.reset();
      co_return failed(fail(Failure::unavailable, "the number of the newest change is not known"));
    }
  }
  if (modseq) session.enable_condstore();
  for (const NameNews& one : news.names) tell_name(session, one);
  if (!command.status) news.counters.clear();
  for (const CounterNews& one : news.counters) {
    tell_status(session, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  notify->catch_up = true;  // "implies an implicit NOOP": with the end of this command
  set_notify(session, std::move(notify));
  auto access = co_await check_access(session, true);  // from when on a mailbox of another account is not told of
  static_cast<void>(access);
  co_return ok("NOTIFY completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "notify";
  extension.rfcs = {"RFC 5465"};
  extension.capabilities = {{"NOTIFY"}};
  extension.requires_names = {"fetch", "list", "status"};
  extension.commands = {command("NOTIFY", kLoggedIn, kTellChanges | kTellExpunges, parse, execute)};
  extension.response_codes = {"BADEVENT", "NOTIFICATIONOVERFLOW"};
  return extension;
}

}  // namespace cpm::imap::ext::notify
