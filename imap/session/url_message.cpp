#include "imap/session/url_message.h"

#include "imap/grammar/mailbox_name.h"
#include "schema/urlauth.h"

#include <algorithm>
#include <limits>

namespace cpm::imap {

namespace {

constexpr std::uint64_t kInlineOctets = 32 * 1024;  // come with the row
constexpr std::string_view kInternal = "INTERNAL";

Error nowhere() { return fail(Failure::not_found, "no such URL"); }

struct Opened {
  AccountId account;
  schema::MessageRow row;
};

Result<Opened> read_row(schema::Transaction& tx, const schema::Grant& grant, std::uint32_t uid, std::uint32_t columns) {
  UidSet uids;
  uids.add(uid);
  CPM_TRY(rows,
          schema::fetch_rows(tx, grant, uids, columns | schema::kColumnPartMap | schema::kColumnBytes, kInlineOctets));
  if (rows.empty()) return nowhere();
  return Opened{grant.account(), std::move(rows.front())};
}

// That a right is missing or a message gone is nobody's business who was given no more than a URL.
Error hide(Error error) {
  const bool told = error.failure != Failure::denied && error.failure != Failure::expunged &&
                    error.failure != Failure::invalid && error.failure != Failure::limit;
  return told ? std::move(error) : nowhere();
}

Result<UrlMessage> complete(Result<Opened> opened, const grammar::ImapUrl& url) {
  if (!opened) return hide(opened.error());
  UrlMessage message;
  message.account = opened->account;
  message.row = std::move(opened->row);
  CPM_TRY(parts, mime::PartMap::decode(message.row.part_map));
  message.parts = std::move(parts);
  message.section = url.section.value_or(grammar::Section{});
  if (!has_section(message.parts, message.section)) return nowhere();
  if (url.partial) {
    message.partial.emplace();
    message.partial->offset = url.partial->offset;
    message.partial->length = url.partial->length.value_or(std::numeric_limits<std::uint64_t>::max());
  }
  return message;
}

bool usable(const Session& session, const grammar::ImapUrl& url) {
  if (!url.uid) return false;
  if (url.partial && !session.services.registry.has("url_partial")) return false;
  if (url.server && !is_this_server(session.services.settings, *url.server)) return false;
  // In seconds: a year may be any from 0000 to 9999.
  return !url.expire || std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) <= *url.expire;
}

bool is_registered(const std::vector<std::string>& applications, const std::string& application,
                   const std::string& actor) {
  return std::any_of(applications.begin(), applications.end(), [&](const std::string& one) {
    const std::size_t sign = one.find('=');
    return sign != std::string::npos && wire::iequals(one.substr(0, sign), application) &&
           (actor.empty() || one.substr(sign + 1) == actor);
  });
}

// RFC 5092 6.1.2, RFC 5593 3.3. Every session that can ask is logged in, and none is anonymous.
bool is_permitted(schema::Transaction& tx, const schema::Principal& who, const grammar::UrlAccess& access,
                  const std::vector<std::string>& applications) {
  if (access.application == "authuser" || access.application == "anonymous") return true;
  if (access.application == "user") return schema::is_self(tx, who, *access.user);
  if (access.application == "submit") return schema::is_service_for(tx, who, *access.user);
  return who.role != schema::Role::owner && is_registered(applications, access.application, who.actor);
}

}  // namespace

bool is_this_server(const Settings& settings, const grammar::UrlServer& server) {
  const auto& hosts = settings.url_hosts;
  return hosts.empty() || std::any_of(hosts.begin(), hosts.end(),
                                      [&](const std::string& host) { return wire::iequals(host, server.host); });
}

bool is_known_access(const Settings& settings, const grammar::UrlAccess& access) {
  const std::string& name = access.application;
  if (name == "user" || name == "submit" || name == "authuser" || name == "anonymous") return true;
  return is_registered(settings.url_applications, name, "");
}

bool has_section(const mime::PartMap& parts, const grammar::Section& section) {
  using Text = grammar::Section::Text;
  const mime::SectionText text = section.text == Text::all    ? mime::SectionText::whole
                                 : section.text == Text::text ? mime::SectionText::text
                                 : section.text == Text::mime ? mime::SectionText::mime
                                                              : mime::SectionText::header;
  return parts.resolve(section.parts, text).has_value();
}

bool tells_url_mechanisms(const Session& session) {
  using Told = Settings::UrlMechanisms;
  if (!session.services.registry.has("urlauth")) return false;
  switch (session.services.settings.url_mechanisms) {
    case Told::always: return true;
    case Told::never: return false;
    case Told::protected_only: break;
  }
  return session.stream->tls() != nullptr;
}

boost::asio::awaitable<Result<UrlMessage>> open_own_url(Session& session, grammar::ImapUrl url, std::uint32_t columns) {
  if (!usable(session, url) || url.access) co_return nowhere();
  if (url.server && !url.server->user) co_return nowhere();  // names nobody's mailbox (RFC 5092 3.1)
  std::string path;
  std::optional<schema::MailboxRef> mailbox;
  if (url.mailbox) {
    auto canonical = grammar::canonical_mailbox(*url.mailbox, true, false, session.limits());
    if (!canonical) co_return nowhere();
    path = std::move(*canonical);
  } else {
    if (url.server || !session.selected) co_return nowhere();
    mailbox = session.selected->view.snapshot().mailbox.ref();
  }
  std::optional<std::string> user;
  if (url.server) user = url.server->user;
  auto work = [who = *session.principal, path, mailbox, user, uid = *url.uid, uidvalidity = url.uidvalidity,
               columns](schema::Transaction& tx) -> Result<Opened> {
    if (user && !schema::is_self(tx, who, *user)) return nowhere();
    auto grant =
        mailbox ? schema::authorize(tx, who, *mailbox, schema::kRead) : schema::authorize(tx, who, path, schema::kRead);
    if (!grant) return grant.error();
    if (uidvalidity && *uidvalidity != grant->mailbox().uidvalidity.value) return nowhere();
    return read_row(tx, *grant, uid, columns);
  };
  auto opened = co_await session.db(std::move(work), schema::Mode::reads);
  co_return complete(std::move(opened), url);
}

boost::asio::awaitable<Result<UrlMessage>> open_signed_url(Session& session, std::string text, grammar::ImapUrl url,
                                                           std::uint32_t columns) {
  const bool whole = url.has_scheme && url.server && url.server->user && url.mailbox && url.verifier;
  if (!whole || !usable(session, url) || url.verifier->mechanism != kInternal) co_return nowhere();
  auto path = grammar::canonical_mailbox(*url.mailbox, true, false, session.limits());
  if (!path) co_return nowhere();
  schema::SignedUrl signed_url;
  signed_url.user = *url.server->user;
  signed_url.path = std::move(*path);
  signed_url.uidvalidity = url.uidvalidity;
  signed_url.rump = rump_of(text, url);
  signed_url.token = url.verifier->token;
  auto work = [who = *session.principal, signed_url, access = *url.access, uid = *url.uid, columns,
               &applications = session.services.settings.url_applications](schema::Transaction& tx) -> Result<Opened> {
    CPM_TRY(grant, schema::authorize_by_url(tx, signed_url));
    if (!is_permitted(tx, who, access, applications)) return nowhere();
    return read_row(tx, grant, uid, columns);
  };
  auto opened = co_await session.db(std::move(work), schema::Mode::reads);
  co_return complete(std::move(opened), url);
}

}  // namespace cpm::imap
