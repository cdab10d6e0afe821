#include "schema/check.h"

#include "schema/accounts.h"
#include "schema/audit.h"
#include "schema/mailbox_rows.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <unordered_map>

namespace cpm::schema {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 24h;  // above an hour: no statement_timeout

constexpr Query kAccountPage{"check_accounts",
                             "select account_id from account where account_id > $1 order by account_id limit 500"};
constexpr Query kOneAccount{"check_account",
                            "select account_id from address where address = $1 and account_id is not null"};
constexpr Query kLabel{"check_label",
                       "select (select address from address where account_id = $1 order by position limit 1)"
                       " from account where account_id = $1"};
constexpr Query kTree{"check_tree", "select mailbox_id, parent_id, name, messages from mailbox where account_id = $1"};
constexpr Query kContents{"check_contents",
                          "select content_id, encode(digest, 'hex') from content where account_id = $1 and state = 1"
                          " and content_id > $2 order by content_id limit 1000"};
constexpr Query kChunks{
    "check_chunks",
    "select data from content_chunk where account_id = $1 and content_id = $2 and n >= $3 and n < $3 + 8 order by n"};

// Each returns what must never be: a mailbox (0: none in particular) and a sentence. No more than a thousand of a kind.
constexpr Query kInvariants[] = {
    {"check_usage",
     "select 0, format('usage is %s messages, %s octets, %s mailboxes; counted %s, %s, %s', "
     "a.used_messages, a.used_bytes,"
     " a.mailboxes, r.n, r.bytes, b.n) from account a,"
     " (select count(*) as n, coalesce(sum(size), 0) as bytes from message where account_id = $1) r,"
     " (select count(*) as n from mailbox where account_id = $1) b"
     " where a.account_id = $1 and (a.used_messages, a.used_bytes, a.mailboxes) is distinct from (r.n, "
     "r.bytes, b.n)"},
    {"check_account_counters",
     "select m.mailbox_id, 'mailbox id or UIDVALIDITY not below the counter of the account' from mailbox "
     "m, account a"
     " where m.account_id = $1 and a.account_id = $1"
     " and (m.mailbox_id >= a.next_mailbox or m.uidvalidity >= a.next_uidvalidity) limit 1000"},
    {"check_first_address",
     "select 0, format('%s first addresses', n) from (select count(*) as n from address where account_id = "
     "$1 and position = 0) f"
     " where n <> 1"},
    {"check_inbox",
     "select 0, 'no INBOX' where not exists (select from mailbox where account_id = $1 and mailbox_id = 1 "
     "and parent_id = 0"
     " and name = 'INBOX')"},
    {"check_uidvalidity",
     "select min(mailbox_id), format('UIDVALIDITY %s stands for %s mailboxes', uidvalidity, count(*)) from "
     "mailbox"
     " where account_id = $1 group by uidvalidity having count(*) > 1 limit 1000"},
    {"check_mailbox_counters",
     "select b.mailbox_id, format('counters messages %s, unseen %s, deleted %s, octets %s, deleted octets "
     "%s;"
     " counted %s, %s, %s, %s, %s', b.messages, b.unseen, b.deleted, b.bytes, b.deleted_bytes, "
     "coalesce(r.n, 0),"
     " coalesce(r.unseen, 0), coalesce(r.deleted, 0), coalesce(r.bytes, 0), coalesce(r.deleted_bytes, 0))"
     " from mailbox b left join (select mailbox_id, count(*) as n, count(*) filter (where flags & 1 = 0) "
     "as unseen,"
     " count(*) filter (where flags & 8 <> 0) as deleted, sum(size) as bytes,"
     " sum(size) filter (where flags & 8 <> 0) as deleted_bytes from message where account_id = $1 group "
     "by mailbox_id) r"
     " on r.mailbox_id = b.mailbox_id where b.account_id = $1"
     " and (b.messages, b.unseen, b.deleted, b.bytes, b.deleted_bytes) is distinct from (coalesce(r.n, 0),"
     " coalesce(r.unseen, 0), coalesce(r.deleted, 0), coalesce(r.bytes, 0), coalesce(r.deleted_bytes, 0)) "
     "limit 1000"},
    {"check_mailbox_numbers",
     "select b.mailbox_id, format('UIDNEXT %s, HIGHESTMODSEQ %s, recent from %s; greatest UID %s, MODSEQ "
     "%s, expunged UID %s,"
     " MODSEQ %s', b.uidnext, b.highestmodseq, b.recent_from, m.uid, m.modseq, e.uid, e.modseq) from "
     "mailbox b"
     " left join (select mailbox_id, max(uid) as uid, max(modseq) as modseq from message where account_id "
     "= $1 group by mailbox_id) m"
     " on m.mailbox_id = b.mailbox_id"
     " left join (select mailbox_id, max(uid_hi) as uid, max(modseq) as modseq from expunged_range where "
     "account_id = $1"
     " group by mailbox_id) e on e.mailbox_id = b.mailbox_id"
     " where b.account_id = $1 and (m.uid >= b.uidnext or e.uid >= b.uidnext or b.recent_from > b.uidnext"
     " or m.modseq > b.highestmodseq or e.modseq > b.highestmodseq) limit 1000"},
    {"check_expunged",
     "select m.mailbox_id, format('UID %s is expunged and lives', m.uid) from expunged_range e join message m on "
     "m.account_id = $1"
     " and m.mailbox_id = e.mailbox_id and m.uid between e.uid_lo and e.uid_hi where e.account_id = $1 "
     "limit 1000"},
    {"check_expunged_gaps",
     "select b.mailbox_id, format('%s UIDs were given; %s live, %s are expunged', b.uidnext - 1, "
     "b.messages, coalesce(e.n, 0))"
     " from mailbox b left join (select mailbox_id, sum(greatest(uid_hi - greatest(uid_lo - 1, above), 0)) "
     "as n from ("
     "  select mailbox_id, uid_lo, uid_hi, coalesce(max(uid_hi) over (partition by mailbox_id order by "
     "uid_lo, uid_hi"
     "  rows between unbounded preceding and 1 preceding), 0) as above from expunged_range where account_id = "
     "$1) o"  // ranges may overlap
     " group by mailbox_id) e on e.mailbox_id = b.mailbox_id where b.account_id = $1 and b.epoch = 0"
     " and b.uidnext - 1 <> b.messages + coalesce(e.n, 0) limit 1000"},
    {"check_message_mailbox",
     "select m.mailbox_id, format('%s rows of a mailbox that does not exist', count(*)) from (select "
     "mailbox_id from message"
     " where account_id = $1 union all select mailbox_id from expunged where account_id = $1) m where not "
     "exists ("
     "select from mailbox b where b.account_id = $1 and b.mailbox_id = m.mailbox_id) group by m.mailbox_id "
     "limit 1000"},
    {"check_keywords",
     "select m.mailbox_id, format('UID %s has keyword %s that the mailbox does not know', m.uid, k.id) "
     "from message m"
     " cross join lateral unnest(m.keywords) as k (id) where m.account_id = $1 and m.keywords is not null"
     " and not exists (select from keyword w join mailbox b on b.account_id = $1 and b.mailbox_id = "
     "w.mailbox_id"
     " where w.account_id = $1 and w.mailbox_id = m.mailbox_id and w.keyword_id = k.id and k.id < "
     "b.next_keyword) limit 1000"},
    {"check_message_content",
     "select m.mailbox_id, format('UID %s: content %s is %s', m.uid, m.content_id, case when c.content_id "
     "is null then 'missing'"
     " when c.state <> 1 then 'not live' else 'of another size' end) from message m left join content c on "
     "c.account_id = $1"
     " and c.content_id = m.content_id where m.account_id = $1"
     " and (c.content_id is null or c.state <> 1 or c.size <> m.size) limit 1000"},
    {"check_references",
     "select 0, format('content %s has %s references in state %s; counted %s', c.content_id, c.refs, "
     "c.state, coalesce(r.n, 0))"
     " from content c left join (select content_id, count(*) as n from (select content_id from message where "
     "account_id = $1 union all select content_id from removed_message where account_id = $1) m group by content_id) r"
     " on r.content_id = c.content_id where c.account_id = $1"
     " and (c.refs <> coalesce(r.n, 0) or (c.state = 1) <> (c.refs > 0)) limit 1000"},
    {"check_removals",
     "select coalesce(r.mailbox_id, m.mailbox_id), format('removal %s counts %s messages, %s octets; counted %s, %s', "
     "coalesce(r.number, m.number), r.messages, r.bytes, m.n, m.bytes) from (select * from removal where account_id = "
     "$1) r full join (select mailbox_id, number, count(*) as n, sum(size) as bytes from removed_message where "
     "account_id = $1 group by mailbox_id, number) m on m.mailbox_id = r.mailbox_id and m.number = r.number where "
     "(r.messages, r.bytes) is distinct from (m.n::int, m.bytes::bigint) limit 1000"},
    {"check_metadata",
     "select m.mailbox_id, format('annotation %s was changed by number %s, above the counter %s of the account', "
     "m.entry,"
     " m.changed, a.metadata_changes) from metadata m, account a where m.account_id = $1 and a.account_id = $1"
     " and m.changed > a.metadata_changes limit 1000"},
    {"check_annotations",
     "select a.mailbox_id, format('annotation %s of UID %s: %s', a.entry, a.uid, case when m.uid is null then 'there "
     "is no "
     "such message' when a.modseq > b.highestmodseq then 'a MODSEQ above that of the mailbox' else 'its mailbox does "
     "not "
     "know' end) from message_annotation a join mailbox b on b.account_id = $1 and b.mailbox_id = a.mailbox_id"
     " left join message m on m.account_id = $1 and m.mailbox_id = a.mailbox_id and m.uid = a.uid where a.account_id = "
     "$1"
     " and (m.uid is null or a.modseq > b.highestmodseq or not b.has_annotations) limit 1000"},
    {"check_annotation_octets",
     "select 0, format('annotations of messages take %s octets; counted %s', a.annotation_octets, r.octets) from "
     "account "
     "a, (select coalesce(sum(octet_length(entry) + octet_length(value)), 0) as octets from message_annotation where "
     "account_id = $1) r where a.account_id = $1 and a.annotation_octets <> r.octets"},
    // What annotations take: of mailboxes with their messages, of the server, and both together.
    {"check_mailbox_annotations",
     "select b.mailbox_id, format('annotations take %s octets; counted %s', b.annotation_bytes, coalesce(r.octets, 0))"
     " from mailbox b left join (select t.mailbox_id, sum(octet_length(t.entry) + octet_length(t.value)) as octets from"
     " (select mailbox_id, entry, value from metadata where account_id = $1 union all"
     " select mailbox_id, entry, value from message_annotation where account_id = $1) t"
     " where t.value is not null group by t.mailbox_id) r on r.mailbox_id = b.mailbox_id"
     " where b.account_id = $1 and b.annotation_bytes <> coalesce(r.octets, 0) limit 1000"},
    {"check_account_annotations",
     "select 0, format('annotations of the account take %s octets; counted %s', a.used_annotations, r.octets)"
     " from account a, (select coalesce((select sum(octet_length(entry) + octet_length(value)) from metadata"
     " where account_id = $1 and mailbox_id = 0 and value is not null), 0)"
     " + coalesce((select sum(annotation_bytes) from mailbox where account_id = $1), 0) as octets) r"
     " where a.account_id = $1 and a.used_annotations <> r.octets"},
    {"check_quota_roots",
     "with recursive names as (select mailbox_id, name::text as path from mailbox where account_id = $1 and parent_id "
     "= 0"
     " union all select c.mailbox_id, n.path || '/' || c.name from names n join mailbox c on c.account_id = $1"
     " and c.parent_id = n.mailbox_id), belongs as (select n.mailbox_id, array_agg(r.root_id order by r.root_id) as "
     "roots"
     " from names n join quota_root r on r.account_id = $1 and (n.path = r.path or starts_with(n.path, r.path || '/'))"
     " group by n.mailbox_id)"
     " select b.mailbox_id, format('belongs to roots %s instead of %s', b.quota_roots, g.roots) from mailbox b"
     " left join belongs g on g.mailbox_id = b.mailbox_id where b.account_id = $1 and b.quota_roots is distinct from "
     "g.roots"
     " union all"
     " select 0, format('root %s counts %s octets, %s messages, %s mailboxes, %s of annotations; counted %s, %s, %s, "
     "%s', r.path,"
     " r.used_bytes, r.used_messages, r.used_mailboxes, r.used_annotations, u.bytes, u.messages, u.n, u.annotations)"
     " from quota_root r cross join lateral (select coalesce(sum(m.bytes), 0) as bytes, coalesce(sum(m.n), 0) as "
     "messages,"
     " count(*) as n, coalesce(sum(b.annotation_bytes), 0) as annotations from mailbox b join belongs g on "
     "g.mailbox_id = b.mailbox_id"
     " and r.root_id = any (g.roots) cross join lateral (select coalesce(sum(size), 0) as bytes, count(*) as n from "
     "message"
     " where account_id = $1 and mailbox_id = b.mailbox_id) m where b.account_id = $1) u where r.account_id = $1"
     " and (r.used_bytes, r.used_messages, r.used_mailboxes, r.used_annotations) is distinct from (u.bytes, "
     "u.messages, u.n,"
     " u.annotations)"
     " union all select 0, format('%s roots; counted %s', a.quota_roots, r.n) from account a,"
     " (select count(*) as n from quota_root where account_id = $1) r where a.account_id = $1 and a.quota_roots <> r.n "
     "limit 1000"},
    {"check_conversations",
     "select 0, format('conversation %s counts %s objects, %s messages, %s unread, last %s; counted %s, %s, %s, %s', "
     "coalesce(c.conversation_id, r.conversation_id), c.objects, c.messages, c.unread, c.last_at, r.objects, "
     "r.messages,"
     " r.unread, r.last_at) from (select * from conversation where account_id = $1) c full join (select "
     "conversation_id,"
     " count(*) as objects, count(*) filter (where talk in (1, 2)) as messages,"
     " count(*) filter (where talk = 2 and flags & 1 = 0) as unread,"
     " coalesce(max(internal_date) filter (where talk in (1, 2)), max(internal_date)) as last_at from message"
     " where account_id = $1 and conversation_id is not null group by conversation_id) r"
     " on r.conversation_id = c.conversation_id where (c.objects, c.messages, c.unread, c.last_at)"
     " is distinct from (r.objects, r.messages, r.unread, r.last_at) limit 1000"},
    {"check_message_object",
     "select m.mailbox_id, format('UID %s is in conversation %s as %s; its object says %s, %s%s', m.uid, "
     "m.conversation_id,"
     " m.talk, h.thread_id, o.talk, case when b.has_objects then '' else ', and its mailbox has no objects' end)"
     " from message m join mailbox b on b.account_id = $1 and b.mailbox_id = m.mailbox_id"
     " left join cpm_object o on o.account_id = $1 and o.content_id = m.content_id"
     " left join content_head h on h.account_id = $1 and h.content_id = m.content_id and o.content_id is not null"
     " where m.account_id = $1 and ((m.conversation_id, m.talk) is distinct from"
     " (h.thread_id, case when h.thread_id is not null then o.talk end) or m.conversation_id is not null and not "
     "b.has_objects)"
     " limit 1000"},
    {"check_objects",
     "select 0, format('object %s has no content', o.content_id) from cpm_object o where o.account_id = $1"
     " and not exists (select from content c where c.account_id = $1 and c.content_id = o.content_id) limit 1000"},
    {"check_content_rows",
     "select 0, format('content %s of %s octets: chunks hold %s, head %s, text %s, digest of %s octets%s', "
     "c.content_id, c.size,"
     " coalesce(k.bytes, 0), h.content_id is not null, t.content_id is not null, octet_length(c.digest),"
     " case when k.holes then ', chunks are missing' else '' end)"
     " from content c left join content_head h on h.account_id = $1 and h.content_id = c.content_id"
     " left join content_text t on t.account_id = $1 and t.content_id = c.content_id"
     " left join lateral (select sum(octet_length(data)) as bytes, count(*) <> max(n) + 1"
     " or count(distinct octet_length(data)) filter (where n < (select max(n) from content_chunk where "
     "account_id = $1"
     " and content_id = c.content_id)) > 1 as holes"
     " from content_chunk where account_id = $1 and content_id = c.content_id) k on true"
     " where c.account_id = $1 and c.state = 1 and (coalesce(k.bytes, 0) <> c.size or h.content_id is null "
     "or t.content_id is null"
     " or octet_length(c.digest) <> 32 or k.holes) limit 1000"},
    // What the owner may do stands twice: in the list, and in the row, which is all that a look of the owner reads.
    {"check_owner_rights",
     "select b.mailbox_id, format('the owner has the rights %s; the access control list says %s', "
     "coalesce(b.owner_rights, 8191), coalesce(r.rights, 8191)) from mailbox b"
     " left join acl g on g.account_id = $1 and g.mailbox_id = b.mailbox_id and g.kind = 1 and g.grantee = $1"
     " and not g.negative"
     " left join acl t on t.account_id = $1 and t.mailbox_id = b.mailbox_id and t.kind = 1 and t.grantee = $1"
     " and t.negative"
     " cross join lateral (select coalesce(g.rights, 8191) as given) l"
     " cross join lateral (select nullif((l.given | case when l.given & 2 <> 0 then 2048 else 0 end)"
     " & ~coalesce(t.rights, 0) | 1025, 8191) as rights) r"
     " where b.account_id = $1 and b.owner_rights is distinct from r.rights limit 1000"},
    {"check_outbox",
     "select o.mailbox_id, format('event %s waits in no queue', o.event_id) from outbox o where o.account_id = $1"
     " and not exists (select from push_queue q where q.account_id = $1 and q.subscription_id = o.subscription_id"
     " and q.queue = o.queue) limit 1000"},
};

static_assert(kAllRights == 8191 && kRead == 2 && kCopyOut == 2048 && (kLookup | kAdminister) == 1025,
              "check_owner_rights names them");

// Of the whole store, when all accounts are checked.
constexpr std::array<Query, 4> kGlobalInvariants{{
    {"check_share_hints",
     "select 0, format('account %s shares with %s %s, whom LIST does not show it', a.account_id,"
     " case a.kind when 0 then 'anyone' when 1 then 'account' else 'group' end, a.grantee) from acl a"
     " where not a.negative and not (a.kind = 1 and a.grantee = a.account_id)"
     " and (a.kind <> 1 or exists (select from account c where c.account_id = a.grantee))"
     " and not exists (select from shared_to h where h.account_id = a.grantee and h.kind = a.kind"
     " and h.owner = a.account_id) limit 1000"},
    {"check_addresses",
     "select 0, format('address %s has no account', d.address) from address d where d.account_id is not null"
     " and not exists (select from account a where a.account_id = d.account_id) limit 1000"},
    {"check_service_names",
     "select 0, format('the name %s has no service', d.address) from address d where d.account_id is null"
     " and not exists (select from service s where s.name = d.address) limit 1000"},
    {"check_orphans",
     "select 0, format('content %s of account %s that does not exist', c.content_id, c.account_id) from content c"
     " where c.state = 1 and not exists (select from account a where a.account_id = c.account_id) limit 1000"},
}};

struct AccountReport {
  std::string label;
  std::uint64_t mailboxes = 0, messages = 0;
  std::vector<CheckFinding> findings;
};

// One state of the account for all statements.
void freeze(Transaction& tx) { tx.exec_raw("set transaction isolation level repeatable read, read only"); }

std::string digest_of(Transaction& tx, std::int64_t account, std::int64_t content) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) throw std::runtime_error("no SHA-256");
  for (int n = 0;; n += 8) {  // some chunks at a time
    const pqxx::result rows = tx.exec(kChunks, account, content, n);
    for (const auto& row : rows) {
      const std::string data = from_bytea(row[0]);
      EVP_DigestUpdate(context.get(), data.data(), data.size());
    }
    if (rows.size() < 8) break;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

void check_digests(Transaction& tx, std::int64_t account, const std::string& label, AccountReport& report) {
  std::int64_t after = 0;
  for (;;) {
    const pqxx::result rows = tx.exec(kContents, account, after);
    for (const auto& row : rows) {
      after = row[0].as<std::int64_t>();
      if (digest_of(tx, account, after) == row[1].c_str()) continue;
      report.findings.push_back({label, {}, "content " + std::to_string(after) + " does not match its digest"});
    }
    if (rows.size() < 1000) return;
  }
}

Result<AccountReport> check_account(Transaction& tx, std::int64_t account, bool digests) {
  freeze(tx);
  AccountReport report;
  const pqxx::result names = tx.exec(kLabel, account);
  if (names.empty()) return report;  // deleted meanwhile
  const std::string label = report.label =
      names[0][0].is_null() ? "account " + std::to_string(account) : names[0][0].c_str();
  MailboxTree tree;
  std::vector<MailboxId> ids;
  for (const auto& row : tx.exec(kTree, account)) {
    ids.emplace_back(row[0].as<std::int32_t>());
    tree.add(ids.back(), MailboxId{row[1].as<std::int32_t>()}, row[2].c_str());
    ++report.mailboxes;
    report.messages += row[3].as<std::uint64_t>();
  }
  for (const MailboxId id : ids) {
    if (!tree.path(id))
      report.findings.push_back(
          {label, "#" + std::to_string(id.value), "mailbox whose parents are missing or form a ring"});
  }
  for (const Query& query : kInvariants) {
    for (const auto& row : tx.exec(query, account)) {
      const MailboxId id{row[0].as<std::int32_t>()};
      const auto path = id ? tree.path(id).value_or("#" + std::to_string(id.value)) : std::string();
      report.findings.push_back({label, path, row[1].c_str()});
    }
  }
  if (digests) check_digests(tx, account, label, report);
  return report;
}

}  // namespace

Result<CheckSummary> check(Database& database, const CheckOptions& options,
                           const std::function<void(const CheckFinding&)>& found) {
  CheckSummary summary;
  const auto tell = [&](const std::vector<CheckFinding>& findings) {
    for (const CheckFinding& finding : findings) found(finding);
    summary.findings += findings.size();
  };
  // What is sealed, against what is there.
  const auto check_record = [&](AccountId account, const std::string& label) -> Result<void> {
    auto verdict = verify_audit(database, account, {}, [&](const AuditFinding& finding) {
      tell({{label, {}, "record of changes: " + finding.what + ": " + finding.where}});
    });
    if (!verdict) return verdict.error();
    return {};
  };
  const auto check_one = [&](std::int64_t account) -> Result<void> {
    auto report =
        database.run_blocking(kPatience, [&](Transaction& tx) { return check_account(tx, account, options.digests); });
    if (!report) return report.error();
    ++summary.accounts;
    summary.mailboxes += report->mailboxes;
    summary.messages += report->messages;
    tell(report->findings);
    return options.digests && !report->label.empty() ? check_record(AccountId{account}, report->label) : Result<void>{};
  };

  if (!options.address.empty()) {
    CPM_TRY(address, canonical_address(options.address));
    auto id = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<std::int64_t> {
      const pqxx::result rows = tx.exec(kOneAccount, address);
      if (rows.empty()) return fail(Failure::not_found, "no such account");
      return rows[0][0].as<std::int64_t>();
    });
    if (!id) return id.error();
    CPM_CHECK(check_one(*id));
    return summary;
  }

  std::int64_t after = -1;
  for (;;) {
    auto page = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<std::vector<std::int64_t>> {
      std::vector<std::int64_t> ids;
      for (const auto& row : tx.exec(kAccountPage, after)) ids.push_back(row[0].as<std::int64_t>());
      return ids;
    });
    if (!page) return page.error();
    if (page->empty()) break;
    for (const std::int64_t account : *page) CPM_CHECK(check_one(account));
    after = page->back();
  }
  auto global = database.run_blocking(kPatience, [](Transaction& tx) -> Result<std::vector<CheckFinding>> {
    freeze(tx);
    std::vector<CheckFinding> findings;
    for (const Query& query : kGlobalInvariants) {
      for (const auto& row : tx.exec(query)) findings.push_back({{}, {}, row[1].c_str()});
    }
    return findings;
  });
  if (!global) return global.error();
  tell(*global);
  if (options.digests) CPM_CHECK(check_record(kWholeStore, {}));
  return summary;
}

}  // namespace cpm::schema
