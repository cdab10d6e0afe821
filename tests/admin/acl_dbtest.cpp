// cpmctl acl and cpmctl group against a real database (MSS-23, 31, 32, 33, 37).
#include "tests/admin/ctl_fixture.h"

namespace cpm::admin {
namespace {

class AclCtl : public Ctl {
 protected:
  void SetUp() override {
    for (const char* name : {"alice@example.net", "bob@example.net", "carol@example.net"}) add(name);
  }
  Outcome grant(std::vector<std::string> rest) {
    rest.insert(rest.begin(), {"acl", "grant", "alice@example.net", "INBOX"});
    return json(std::move(rest));
  }
  Json explain(const std::string& who, std::vector<std::string> rest = {}) {
    rest.insert(rest.begin(), {"acl", "explain", who, "Other Users/alice@example.net/INBOX"});
    return json(std::move(rest)).json();
  }
};

TEST_F(AclCtl, GrantsListsAndRevokes) {
  const Outcome given = grant({"bob@example.net", "lrs", "--until", "30d", "--reason", "for the audit"});
  ASSERT_EQ(given.code, kOk) << given.err;
  EXPECT_EQ(given.json()["changed"], true);
  EXPECT_EQ(given.json()["rights"], "lrs");
  EXPECT_EQ(grant({"bob@example.net", "lrs"}).json()["changed"], false);
  EXPECT_EQ(grant({"bob@example.net", "+w"}).json()["rights"], "lrsw");
  const Json all = json({"acl", "list", "alice@example.net", "inbox"}).json();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["identifier"], "alice@example.net");
  EXPECT_EQ(all[0]["grantor"], nullptr);
  EXPECT_EQ(all[1]["identifier"], "bob@example.net");
  EXPECT_EQ(all[1]["grantor"], "cpmctl");
  EXPECT_EQ(all[1]["reason"], "for the audit");
  EXPECT_TRUE(all[1]["expires"].is_string());
  EXPECT_EQ(all[1]["rights"], "lrsw");
  EXPECT_TRUE(holds(ctl({"acl", "list", "alice@example.net", "INBOX"}).out, "for the audit"));

  EXPECT_EQ(ctl({"acl", "revoke", "alice@example.net", "INBOX", "bob@example.net", "w"}).code, kOk);
  EXPECT_EQ(explain("bob@example.net")["effective"], "lrs0");
  EXPECT_EQ(json({"acl", "revoke", "alice@example.net", "INBOX", "bob@example.net"}).json()["changed"], true);
  EXPECT_EQ(json({"acl", "revoke", "alice@example.net", "INBOX", "bob@example.net"}).json()["changed"], false);
  EXPECT_EQ(json({"acl", "list", "alice@example.net", "INBOX"}).json().size(), 1U);
}

TEST_F(AclCtl, AnswersWithDocumentedExitCodes) {
  EXPECT_EQ(grant({"nobody@example.net", "lr"}).code, kNotFound);
  EXPECT_EQ(grant({"group:nothing", "lr"}).code, kNotFound);
  EXPECT_EQ(grant({"bob@example.net", "lrq"}).code, kUsage);
  EXPECT_EQ(grant({"bob@example.net", ""}).code, kUsage);
  EXPECT_EQ(grant({"bob@example.net", "lr", "--until", "yesterday"}).code, kUsage);
  EXPECT_EQ(grant({"bob@example.net", "lr", "--until", "2001-01-01"}).code, kUsage);
  EXPECT_EQ(ctl({"acl", "list", "alice@example.net", "Nothing"}).code, kNotFound);
  EXPECT_EQ(ctl({"acl", "list", "nobody@example.net", "INBOX"}).code, kNotFound);
  EXPECT_EQ(ctl({"acl", "explain", "bob@example.net", "Other Users/alice@example.net/Nothing"}).code, kNotFound);
  EXPECT_EQ(ctl({"acl", "explain", "bob@example.net", "Other Users/nobody@example.net/INBOX"}).code, kNotFound);
  EXPECT_EQ(ctl({"acl", "hide", "bob@example.net", "Other Users/alice@example.net/INBOX"}).code, kNotFound);
  EXPECT_EQ(json({"acl", "list", "alice@example.net", "INBOX"}).json().size(), 1U);
}

TEST_F(AclCtl, ExplainsWhy) {
  ASSERT_EQ(ctl({"group", "add", "staff"}).code, kOk);
  ASSERT_EQ(ctl({"group", "member", "add", "staff", "bob@example.net"}).code, kOk);
  ASSERT_EQ(grant({"group:staff", "lrswe"}).code, kOk);
  ASSERT_EQ(grant({"anyone", "lrt"}).code, kOk);
  ASSERT_EQ(grant({"bob@example.net", "e", "--negative"}).code, kOk);

  const Json bob = explain("bob@example.net");
  EXPECT_EQ(bob["owner"], "alice@example.net");
  EXPECT_EQ(bob["effective"], "lrswt0");
  EXPECT_EQ(bob["taken"], "e");
  ASSERT_EQ(bob["entries"].size(), 3U);
  bool through_group = false;
  for (const Json& entry : bob["entries"]) through_group = through_group || entry["through"] == "member of group:staff";
  EXPECT_TRUE(through_group);

  // The exit code answers too, and says what is missing.
  EXPECT_EQ(ctl({"acl", "explain", "bob@example.net", "Other Users/alice@example.net/INBOX", "w"}).code, kOk);
  const Outcome no = ctl({"acl", "explain", "bob@example.net", "Other Users/alice@example.net/INBOX", "we"});
  EXPECT_EQ(no.code, kFailed);
  EXPECT_TRUE(holds(no.err, "may not e in")) << no.err;

  EXPECT_EQ(explain("carol@example.net")["effective"], "lrt0");
  ASSERT_EQ(ctl({"group", "member", "remove", "staff", "bob@example.net"}).code, kOk);
  EXPECT_EQ(explain("bob@example.net")["effective"], "lrt0");

  // The owner, and services that act for them.
  const Json owner = json({"acl", "explain", "alice@example.net", "INBOX"}).json();
  EXPECT_EQ(owner["is_owner"], true);
  EXPECT_EQ(owner["effective"], "lrswipkxtean0");
  ASSERT_EQ(ctl({"service", "add", "gateway", "--role", "deposit", "--for", "alice@*", "--no-password"}).code, kOk);
  EXPECT_EQ(json({"acl", "explain", "alice@example.net", "INBOX", "--service", "gateway"}).json()["effective"],
            "lrswipkn0");
  EXPECT_EQ(explain("bob@example.net", {"--service", "gateway"})["effective"], "");
  EXPECT_EQ(ctl({"acl", "explain", "alice@example.net", "INBOX", "--service", "nothing"}).code, kNotFound);

  ASSERT_EQ(ctl({"user", "disable", "carol@example.net"}).code, kOk);
  EXPECT_EQ(explain("carol@example.net")["effective"], "");
  EXPECT_EQ(explain("carol@example.net")["disabled"], true);
}

TEST_F(AclCtl, ShowsWhatHasExpired) {
  ASSERT_EQ(grant({"bob@example.net", "lr", "--until", "1h"}).code, kOk);
  test_.execute("update acl set expires_at = now() - interval '1 second'");
  const Json seen = explain("bob@example.net");
  EXPECT_EQ(seen["effective"], "");
  ASSERT_EQ(seen["entries"].size(), 1U);
  EXPECT_EQ(seen["entries"][0]["expired"], true);
  EXPECT_TRUE(holds(ctl({"acl", "explain", "bob@example.net", "Other Users/alice@example.net/INBOX"}).out,
                    "counts for nothing"));
}

TEST_F(AclCtl, ReceiversDecide) {
  ASSERT_EQ(grant({"bob@example.net", "lr"}).code, kOk);
  const std::string box = "Other Users/alice@example.net/INBOX";
  Json shares = json({"acl", "shares", "bob@example.net"}).json();
  ASSERT_EQ(shares.size(), 1U);
  EXPECT_EQ(shares[0]["mailbox"], box);
  EXPECT_EQ(shares[0]["rights"], "lr0");
  EXPECT_EQ(shares[0]["state"], "shown");
  ASSERT_EQ(ctl({"acl", "refuse", "bob@example.net", box}).code, kOk);
  EXPECT_EQ(json({"acl", "shares", "bob@example.net"}).json()[0]["state"], "refused");
  EXPECT_EQ(explain("bob@example.net")["effective"], "");
  ASSERT_EQ(ctl({"acl", "hide", "bob@example.net", box}).code, kOk);
  EXPECT_EQ(explain("bob@example.net")["effective"], "lr0");
  ASSERT_EQ(ctl({"acl", "show", "bob@example.net", box}).code, kOk);
  EXPECT_EQ(json({"acl", "shares", "bob@example.net"}).json()[0]["state"], "shown");
}

TEST_F(AclCtl, KeepsGroups) {
  ASSERT_EQ(ctl({"group", "add", "staff"}).code, kOk);
  EXPECT_EQ(ctl({"group", "add", "staff"}).code, kExists);
  EXPECT_EQ(ctl({"group", "add", "two words"}).code, kUsage);
  EXPECT_EQ(ctl({"group", "member", "add", "staff", "nobody@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"group", "member", "add", "nothing", "bob@example.net"}).code, kNotFound);
  ASSERT_EQ(ctl({"group", "member", "add", "staff", "carol@example.net"}).code, kOk);
  ASSERT_EQ(ctl({"group", "member", "add", "staff", "bob@example.net"}).code, kOk);
  EXPECT_EQ(json({"group", "show", "staff"}).json()["members"], Json({"bob@example.net", "carol@example.net"}));
  EXPECT_EQ(ctl({"group", "show", "staff"}).out, "bob@example.net\ncarol@example.net\n");
  EXPECT_EQ(json({"group", "list"}).json().size(), 1U);
  EXPECT_EQ(ctl({"group", "member", "remove", "staff", "bob@example.net"}).code, kOk);
  EXPECT_EQ(ctl({"group", "member", "remove", "staff", "bob@example.net"}).code, kNotFound);

  // A group that is made again under its name has nothing of what the old one had.
  ASSERT_EQ(grant({"group:staff", "lr"}).code, kOk);
  EXPECT_EQ(explain("carol@example.net")["effective"], "lr0");
  EXPECT_EQ(ctl({"group", "remove", "staff"}).code, kUsage);
  ASSERT_EQ(ctl({"group", "remove", "staff", "--yes"}).code, kOk);
  EXPECT_EQ(ctl({"group", "remove", "staff", "--yes"}).code, kNotFound);
  ASSERT_EQ(ctl({"group", "add", "staff"}).code, kOk);
  ASSERT_EQ(ctl({"group", "member", "add", "staff", "carol@example.net"}).code, kOk);
  EXPECT_EQ(explain("carol@example.net")["effective"], "");
}

}  // namespace
}  // namespace cpm::admin
