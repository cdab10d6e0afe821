#include "imap/session/quota_news.h"

#include "base/log.h"
#include "imap/response/responses.h"
#include "schema/quota.h"

#include <string>
#include <utility>

namespace cpm::imap {

boost::asio::awaitable<void> tell_quota(Session& session, bool ended_well, bool adds_messages) {
  const schema::QuotaNews news = std::exchange(session.quota_news, {});
  if (news.refused) {
    auto note = [place = *news.refused](schema::Transaction& tx) { return schema::note_quota_refused(tx, place); };
    auto noted = co_await session.db(std::move(note));
    if (!noted) {
      log::warn("imap", "a refusal was not noted", {{"session", session.id}, {"why", noted.error().detail}});
    }
  }
  // RFC 9208 4.3.1: only with a mailbox selected or in a command that adds messages; MSS-84: nothing before a NO.
  if (news.level == 0 || !ended_well || !(adds_messages || session.selected)) co_return;
  const std::string what = news.reached.root == 0 ? "the quota" : "a quota of this mailbox";
  session.out << Untagged{
      "NO", "OVERQUOTA",
      news.level >= 100 ? "All of " + what + " is used" : std::to_string(news.level) + " % of " + what + " is used"};
}

}  // namespace cpm::imap
