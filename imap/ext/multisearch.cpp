// MULTISEARCH (RFC 7377): ESEARCH searches several mailboxes, selected or not, and says of each that has matches which
// they are. Mailboxes that are not there, or may not be read, are as if they were not named.
#include "imap/commands/search_options.h"
#include "imap/grammar/mailbox_filter.h"
#include "imap/session/contexts.h"
#include "imap/session/mailbox_choice.h"
#include "schema/acl.h"

#include <algorithm>
#include <memory>
#include <set>

namespace cpm::imap::ext::multisearch {

namespace {

using grammar::MailboxFilter;
using Kind = MailboxFilter::Kind;

struct EsearchCommand {
  std::vector<MailboxFilter> sources;  // empty: the selected mailbox
  SearchOptions options;
  SearchCriteria criteria;

  [[nodiscard]] bool uses_selected() const {
    return sources.empty() || std::any_of(sources.begin(), sources.end(),
                                          [](const MailboxFilter& one) { return one.kind == Kind::selected; });
  }
  [[nodiscard]] bool only_selected() const {
    return std::all_of(sources.begin(), sources.end(),
                       [](const MailboxFilter& one) { return one.kind == Kind::selected; });
  }
};

EsearchCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  EsearchCommand command;
  command.options.all = true;
  lexer.sp();
  if (lexer.try_word("IN")) {
    lexer.sp();
    lexer.list(false, [&] {
      if (lexer.peek() == '(') lexer.bad("No scope option is known");
      command.sources.push_back(grammar::parse_mailbox_filter(lexer));
      if (command.sources.back().kind == Kind::selected_delayed) lexer.bad("SELECTED-DELAYED is not valid here");
    });
    lexer.sp();
  }
  if (lexer.try_word("RETURN")) {
    lexer.sp();
    command.options = parse_search_return(lexer, context);
    lexer.sp();
  }
  if (command.options.save && !command.only_selected()) lexer.bad("SAVE is for the selected mailbox only");
  command.criteria = parse_criteria(lexer, context, Charset::may_be_given);
  check_relevancy(lexer, command.options, command.criteria);
  return command;
}

struct Everything {
  std::vector<schema::MailboxRow> mailboxes;
  std::vector<std::string> subscriptions;
};

// The mailboxes meant, each once, in the order of their paths; their rights are checked when they are searched.
std::vector<schema::MailboxRow> chosen(const Session& session, const EsearchCommand& command, Everything all) {
  MailboxChoice choice;
  for (const MailboxFilter& filter : command.sources) {
    if (filter.kind == Kind::selected) choice.add_path(session.selected->view.snapshot().mailbox.path);
    choice.add(session, filter);
  }
  const std::set<std::string> subscribed(all.subscriptions.begin(), all.subscriptions.end());
  std::erase_if(all.mailboxes,
                [&](const schema::MailboxRow& row) { return !choice.means(row.path, subscribed.contains(row.path)); });
  std::sort(all.mailboxes.begin(), all.mailboxes.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return std::move(all.mailboxes);
}

void write(Session& session, const EsearchCommand& command, const SearchOutcome& outcome) {
  const schema::MailboxRow& mailbox = outcome.snapshot->mailbox;
  std::optional<std::uint64_t> modseq;
  if (command.criteria.uses_modseq) modseq = reported_modseq(command.options, outcome);
  wire::Encoder out = session.out.encoder();
  out.raw("* ESEARCH (TAG ").string(session.tag).raw(" MAILBOX ").mailbox_quoted(mailbox.path);
  out.raw(" UIDVALIDITY ").number(mailbox.uidvalidity.value).raw(") UID");
  write_search_items(out, command.options, outcome.uids, modseq, outcome.relevancy);
  out.crlf();
}

boost::asio::awaitable<Result<void>> search_one(Session& session, const EsearchCommand& command,
                                                schema::MailboxRef mailbox, std::optional<SearchUpdate>& update) {
  const bool selected = session.selected && session.selected->view.snapshot().mailbox.ref() == mailbox;
  Result<SearchOutcome> outcome = SearchOutcome{};
  if (selected) {
    // A limit has no words for one of several mailboxes (RFC 9738 names the commands that it is for).
    outcome = co_await search(session, *command.criteria.program, command.only_selected());
  } else {
    outcome = co_await search_in(session, mailbox, *command.criteria.program);
  }
  const bool absent =
      !outcome && (outcome.error().failure == Failure::not_found || outcome.error().failure == Failure::denied);
  if (absent) co_return Result<void>{};
  if (!outcome) co_return outcome.error();
  if (selected && command.options.update) {
    update.emplace();
    update->uid = update->names_mailbox = true;
    update->fetch = command.options.update_fetch;
    update->program = frozen(session, *command.criteria.program);
    update->members = outcome->uids;
  }
  if (command.options.save) session.saved_search = reported(command.options, outcome->uids);
  if (!outcome->uids.empty() && command.options.says_something()) write(session, command, *outcome);
  auto sent = co_await session.out.relieve();
  if (!sent) co_return sent.error();
  if (session.terminated) co_return being_ended();
  co_return Result<void>{};
}

boost::asio::awaitable<Done> execute(Session& session, EsearchCommand command) {
  if (command.uses_selected() && !session.selected) co_return bad("Select a mailbox first, or name others with IN");
  if (command.options.update && !session.selected)
    co_return bad("UPDATE is for the selected mailbox: select one first");
  if (command.options.update && update_tag_in_use(session)) co_return bad("Tag reuse");
  if (command.options.save) session.saved_search = {};  // a failed SAVE leaves nothing (RFC 5182 2.1)
  auto refused = co_await make_ready(session, command.criteria);
  if (refused) co_return std::move(*refused);
  std::vector<schema::MailboxRow> mailboxes;
  if (command.only_selected()) {
    mailboxes.push_back(session.selected->view.snapshot().mailbox);
  } else {
    auto work = [who = *session.principal](schema::Transaction& tx) -> Result<Everything> {
      CPM_TRY(rows, schema::list_mailboxes(tx, who));
      CPM_TRY(shares, schema::list_shares(tx, who));
      for (schema::Share& share : shares) {
        if (share.state != schema::ShareState::refused) rows.push_back(std::move(share.mailbox));
      }
      CPM_TRY(subscriptions, schema::subscriptions(tx, who));
      return Everything{std::move(rows), std::move(subscriptions)};
    };
    auto all = co_await session.db(std::move(work), schema::Mode::reads);
    if (!all) co_return failed(all.error());
    mailboxes = chosen(session, command, std::move(*all));
  }
  if (mailboxes.size() > 1) session.progress.done = 0;  // counts over all of them
  std::optional<SearchUpdate> update;
  for (const schema::MailboxRow& mailbox : mailboxes) {
    auto searched = co_await search_one(session, command, mailbox.ref(), update);
    if (!searched) co_return failed(searched.error());
  }
  if (update) {
    start_update(session, std::move(*update));
  } else if (command.options.update) {
    refuse_update(session, "Updates are for the selected mailbox only");  // RFC 7377 2.1
  }
  co_return ok("ESEARCH completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "multisearch";
  extension.rfcs = {"RFC 7377", "RFC 5267"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"MULTISEARCH"}};
  extension.commands = {command("ESEARCH", kLoggedIn, kNoFlags, parse, execute)};
  extension.response_codes = {"BADCHARSET"};
  return extension;
}

}  // namespace cpm::imap::ext::multisearch
