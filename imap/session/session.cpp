#include "imap/session/session.h"

#include "base/log.h"
#include "imap/response/language.h"
#include "imap/response/responses.h"
#include "imap/session/metadata_news.h"
#include "imap/session/notify.h"
#include "imap/session/session_list.h"
#include "imap/session/updates.h"
#include "schema/audit.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace cpm::imap {

Session::Session(Services& services_, std::unique_ptr<Stream> stream_, std::string id_)
    : services(services_),
      id(std::move(id_)),
      stream(std::move(stream_)),
      out(*stream, services_.limits),
      cut_off(stream->executor()),
      trace(services_.settings.trace),
      reader(services_.limits) {}

Session::~Session() { services.sessions.remove(id); }

ParseContext Session::parse_context() const {
  ParseContext context{services.limits, services.registry};
  context.utf8 = utf8();
  context.utf8_accept = enabled.utf8;
  context.rev2 = enabled.rev2;
  context.qresync = enabled.qresync;
  context.uid_only = enabled.uid_only;
  context.collation = collation;
  return context;
}

schema::Wall Session::wall() const {
  if (!principal) return schema::Wall::closed();
  std::vector<schema::Admission> others = admitted;
  if (selected) {
    const schema::Admission here{principal->account, selected->view.snapshot().mailbox.account};
    if (here.owner != here.reader && std::find(others.begin(), others.end(), here) == others.end()) {
      others.push_back(here);
    }
  }
  schema::Wall wall = schema::Wall::of(principal->account);
  wall.also(std::move(others));
  return wall;
}

void Session::note_admitted(const std::vector<schema::Admission>& now) {
  constexpr std::size_t kMost = 32;  // a command that walks through the mailboxes of more needs each but once
  for (const schema::Admission& one : now) {
    if (std::find(admitted.begin(), admitted.end(), one) != admitted.end()) continue;
    if (admitted.size() == kMost) admitted.erase(admitted.begin());
    admitted.push_back(one);
  }
}

void Session::log_in(schema::Principal who) {
  services.sessions.update(id, [&](SessionInfo& info) {
    info.user = who.address;
    info.actor = who.actor == who.address ? "" : who.actor;
  });
  principal = std::move(who);
  state = kAuthenticated;
  renew_actor();
}

void Session::renew_actor() {
  const Settings::Record& record = services.settings.record;
  schema::ActorFacts facts{"imap", principal->actor, principal->address, client_id, stream->peer().address, record.node,
                           id};
  principal->via = schema::make_actor(facts, record.on, record.keeps_removed);
}

boost::asio::awaitable<Result<void>> Session::record_login(std::string mechanism) {
  const Settings::Record& record = services.settings.record;
  if (!record.on || !record.logins) co_return Result<void>{};
  auto work = [who = *principal, mechanism = std::move(mechanism)](schema::Transaction& tx) -> Result<void> {
    const std::string detail = schema::audit_detail({{"mechanism", mechanism}});
    schema::record_login(tx, who.via, who.account, schema::AuditCommand::login, detail);
    return {};
  };
  auto done = co_await db(std::move(work), schema::Mode::single);
  if (done) principal->via = schema::known_to(principal->via, principal->account);
  co_return done;
}

boost::asio::awaitable<void> Session::record_logout(std::string why) {
  // A client that is gone waits for nothing; nor does the end of the server.
  constexpr std::chrono::seconds kPatience{2};
  const Settings::Record& record = services.settings.record;
  if (!principal || !record.on || !record.logins || !services.db.reachable()) co_return;
  auto work = [who = *principal, why = std::move(why)](schema::Transaction& tx) -> Result<void> {
    const std::string detail = schema::audit_detail({{"why", why}});
    schema::record_login(tx, who.via, who.account, schema::AuditCommand::logout, detail);
    return {};
  };
  auto done = co_await services.db.run(wall(), kPatience, std::move(work), schema::Mode::single);
  if (!done) log::debug("imap", "log-out not recorded", {{"session", id}, {"why", done.error().detail}});
}

void Session::log_out() {
  notify.reset();
  unselect();
  services.sessions.leave_account(id);
  services.sessions.update(id, [](SessionInfo& info) { info.user = info.actor = info.client = ""; });
  principal.reset();
  enabled = {};
  collation = Collation::unicode_casemap;
  metadata_news.reset();
  speak(nullptr);  // RFC 8437 4
  read_report_known = false;
  client_id.clear();
  out.set_utf8(false);
  out.set_uid_only(false);
  state = kNotAuthenticated;
}

void Session::select(std::shared_ptr<const Snapshot> snapshot, bool read_only, FlagRights rights, UidSet recent) {
  const AccountId account = snapshot->mailbox.account;
  const MailboxId mailbox = snapshot->mailbox.id;
  services.sessions.update(id, [&](SessionInfo& info) { info.mailbox = snapshot->mailbox.path; });
  saved_search = {};
  auto watch = services.hub.watch(account, mailbox, waker());
  const ModSeq up_to = snapshot->mailbox.highestmodseq;
  selected.emplace(Selected{View(std::move(snapshot)),
                            read_only,
                            rights,
                            std::move(recent),
                            {},
                            std::move(watch),
                            up_to,
                            {},
                            {},
                            {},
                            {},
                            {}});
  selected->annotate = std::exchange(annotate_next, false);
  selected->annotations_told = up_to;
  state = kSelected;
}

void Session::hear(const schema::QuotaNews& news, bool committed) {
  if (news.refused) quota_news.refused = news.refused;
  if (!committed || news.level <= quota_news.level) return;
  quota_news.level = news.level;
  quota_news.reached = news.reached;
}

void Session::unselect() {
  if (!selected) return;
  if (notify && notify->others && !selected->view.snapshot().mailbox.reader) {
    // From here on STATUS tells what happens there, beginning with what the client was not told of.
    schema::MailboxRow known = selected->view.snapshot().mailbox;
    known.messages = selected->view.exists();
    known.highestmodseq = std::min(known.highestmodseq, selected->told_up_to);
    notify->others->seen(known);
    notify->own.modseqs.erase(known.id);
    if (std::find(notify->left.begin(), notify->left.end(), known.id) == notify->left.end()) {
      notify->left.push_back(known.id);
    }
  }
  selected.reset();
  removed = {};
  saved_search = {};
  services.sessions.update(id, [](SessionInfo& info) { info.mailbox.clear(); });
  state = kAuthenticated;
}

void Session::enable_condstore() {
  if (enabled.condstore) return;
  enabled.condstore = true;
  if (!selected) return;
  const auto modseq = selected->view.snapshot().mailbox.highestmodseq.value;
  out << Untagged{"OK", "HIGHESTMODSEQ " + std::to_string(modseq), "Highest"};
}

void Session::enable_qresync() {
  enable_condstore();
  enabled.qresync = true;
}

void Session::enable_utf8() {
  enabled.utf8 = true;
  out.set_utf8(true);
}

void Session::enable_rev2() {
  enabled.rev2 = true;
  out.set_utf8(true);
}

void Session::enable_uid_only() {
  enabled.uid_only = true;
  out.set_uid_only(true);
}

void Session::enable_metadata() {
  watch_metadata();
  metadata_news->enabled = true;
}

void Session::watch_metadata() {
  if (metadata_news) return;
  metadata_news.emplace();
  metadata_news->watch = services.hub.watch(principal->account, kAnyMetadata, waker());
}

void Session::speak(const Language* chosen) {
  language = chosen;
  out.set_phrases(chosen);
}

void Session::changed(schema::MailboxRef mailbox, const UidSet& made) {
  if (notify && notify->others && mailbox.account == principal->account) ++notify->own.modseqs[mailbox.id];
  if (selected && (notify || selected->contexts) && selected->view.snapshot().mailbox.ref() == mailbox) {
    selected->made.merge(made);
  }
  services.hub.changed(mailbox.account, mailbox.id);
}

void Session::name_made(const std::string& path) {
  if (!notify || !notify->others) return;
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    notify->own.names[path.substr(0, end)] = true;
    if (end == std::string::npos) return;
  }
}

void Session::name_removed(const std::string& path) {
  if (notify && notify->others) notify->own.names[path] = false;
}

void Session::subscription_changed(const std::string& path, bool on) {
  if (notify && notify->others) notify->own.subscriptions[path] = on;
  names_changed();
}

void Session::names_changed(AccountId account) {
  if (notify) {  // commands that come faster than the looks: what is forgotten here is told
    if (notify->own.names.size() > limits().mailboxes) notify->own.names.clear();
    if (notify->own.subscriptions.size() > limits().subscriptions) notify->own.subscriptions.clear();
  }
  services.hub.changed(account ? account : principal->account, kNamesChanged);
}

std::function<void()> Session::waker() {
  return [self = weak_from_this(), executor = stream->executor()] {
    boost::asio::post(executor, [self] {
      const auto session = self.lock();
      if (session && session->waiting) session->stream->interrupt();
    });
  };
}

boost::asio::awaitable<Result<std::string>> Session::read_line(std::chrono::milliseconds patience) {
  reader.set_line_mode(true);
  for (;;) {
    const auto event = reader.next();
    if (event == wire::CommandReader::Event::line) {
      reader.set_line_mode(false);
      co_return reader.take_line();
    }
    if (event == wire::CommandReader::Event::too_long) {
      reader.set_line_mode(false);
      reader.take();
      co_return fail(Failure::limit, "Line too long");
    }
    auto flushed = co_await out.flush();
    if (!flushed) {
      reader.set_line_mode(false);
      co_return flushed.error();
    }
    char octets[2048];
    waiting = true;
    auto got = co_await stream->read(octets, sizeof octets, patience);
    waiting = false;
    if (!got) {
      reader.set_line_mode(false);
      co_return got.error();
    }
    if (*got == 0) {
      reader.set_line_mode(false);
      co_return fail(Failure::unavailable, "Connection closed", "closed");
    }
    reader.feed(std::string_view(octets, *got));
  }
}

Error being_ended() { return fail(Failure::unavailable, "The session is being ended"); }

}  // namespace cpm::imap
