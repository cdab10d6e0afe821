// cpmctl conversation, mailbox copy: from messages in files to what people and programs read.
#include "admin/conversation_object.h"
#include "tests/admin/ctl_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace cpm::admin {
namespace {

constexpr const char* kAlice = "alice@example.net";
constexpr const char* kBob = "tel:+33600000002";
constexpr const char* kHistory = "Default/tel:+33600000002";

class CtlConversation : public Ctl {
 protected:
  void SetUp() override { ASSERT_EQ(ctl({"user", "add", kAlice, "--no-password"}).code, kOk); }

  // Received at that time of 2020-05-12, "09:15:00": what a single file tells by its own time.
  void import(const std::string& mailbox, const std::string& text, const std::string& time = "12:00:00") {
    const std::string file = folder_.write("m" + std::to_string(++files_) + ".eml", text);
    const int seconds =
        std::stoi(time.substr(0, 2)) * 3600 + std::stoi(time.substr(3, 2)) * 60 + std::stoi(time.substr(6));
    timespec at[2] = {{1'589'241'600 + seconds, 0}, {1'589'241'600 + seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), at, 0), 0);
    const Outcome done = ctl({"message", "import", kAlice, mailbox, file, "--create"});
    ASSERT_EQ(done.code, kOk) << done.err;
  }
  // A chat message of the second generation.
  void chat(const std::string& mailbox, const std::string& id, const std::string& direction, const std::string& time,
            const std::string& content, const std::string& conversation = "+33600000002") {
    import(mailbox,
           "Date: Tue, 12 May 2020 " + time +
               " +0000\nFrom: tel:+33600000002\nTo: tel:+33600000001\nMIME-Version: 1.0\n"
               "Content-Type: message/cpim\nConversation-ID: " +
               conversation + "\nContribution-ID: " + conversation + "\nIMDN-Message-ID: " + id +
               "\nMessage-Direction: " + direction +
               "\n\nFrom: <tel:+33600000002>\nTo: <tel:+33600000001>\nNS: imdn <urn:ietf:params:imdn>\n"
               "imdn.Message-ID: " +
               id + "\nDateTime: 2020-05-12T" + time + "Z\n\n" + content,
           time);
  }
  void text(const std::string& id, const std::string& direction, const std::string& time, const std::string& said) {
    chat(kHistory, id, direction, time, "Content-Type: text/plain; charset=utf-8\n\n" + said);
  }
  void report(const std::string& on, const std::string& what, const std::string& time) {
    chat(kHistory, what + on, "received", time,
         "Content-Type: message/imdn+xml\n\n<?xml version=\"1.0\"?>\n<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">"
         "<message-id>" +
             on + "</message-id><datetime>2020-05-12T" + time + "Z</datetime>" +
             (what == "read" ? "<display-notification><status><displayed/></status></display-notification>"
                             : "<delivery-notification><status><delivered/></status></delivery-notification>") +
             "</imdn>");
  }
  void file(const std::string& id, const std::string& name, const std::string& type, const std::string& base64) {
    chat(kHistory, id, "received", "10:30:00",
         "Content-Type: " + type + "; name=\"" + name +
             "\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"" + name + "\"\n\n" +
             base64 + "\n");
  }

  int files_ = 0;
};

TEST_F(CtlConversation, Mss7ListsConversationsOnPages) {
  text("m1", "received", "09:15:00", "Hello");
  text("m2", "sent", "09:16:00", "Hello yourself");
  chat("Default/gc-1", "g1", "received", "11:00:00", "Content-Type: text/plain\n\nTo all", "gc-1");
  const Json all = json({"conversation", "list", kAlice}).json();
  ASSERT_EQ(all["conversations"].size(), 2U);
  EXPECT_EQ(all["conversations"][0]["name"], "gc-1");
  EXPECT_EQ(all["conversations"][0]["last"]["preview"], "To all");
  EXPECT_EQ(all["conversations"][1]["name"], kBob);
  EXPECT_EQ(all["conversations"][1]["messages"], 2);
  EXPECT_EQ(all["conversations"][1]["unread"], 1);
  EXPECT_EQ(all["next"], nullptr);
  const Json first = json({"conversation", "list", kAlice, "--limit", "1"}).json();
  ASSERT_EQ(first["conversations"].size(), 1U);
  ASSERT_TRUE(first["next"].is_string());
  const Json second = json({"conversation", "list", kAlice, "--after", first["next"].get<std::string>()}).json();
  ASSERT_EQ(second["conversations"].size(), 1U);
  EXPECT_EQ(second["conversations"][0]["name"], kBob);
  EXPECT_EQ(json({"conversation", "list", kAlice, "--with", "+33699999999"}).json()["conversations"].size(), 0U);
  EXPECT_EQ(json({"conversation", "list", kAlice, "--with", "+33 6 00 00 00 02"}).json()["conversations"].size(), 2U);
  const Outcome people = ctl({"conversation", "list", kAlice, "--limit", "1"});
  EXPECT_TRUE(holds(people.out, "To all")) << people.out;
  EXPECT_TRUE(holds(people.out, "More: --after ")) << people.out;
  EXPECT_EQ(ctl({"conversation", "list", kAlice, "--after", "yesterday"}).code, kUsage);
  EXPECT_EQ(ctl({"conversation", "list", kAlice, "--with", ""}).code, kOk);
  EXPECT_EQ(ctl({"conversation", "list", "nobody@example.net"}).code, kNotFound);
}

TEST_F(CtlConversation, Mss22ShowsATranscriptWithWhoReceivedAndRead) {
  text("m1", "received", "09:15:00", "Hello,\nhow are you?");
  text("m2", "sent", "09:16:00", "Fine. \x1b[31m");
  report("m2", "delivered", "09:17:00");
  report("m2", "read", "09:18:00");
  file("f1", "cat.png", "image/png", "iVBORw0K");
  const Outcome shown = ctl({"conversation", "show", kAlice, "+33600000002"});
  ASSERT_EQ(shown.code, kOk) << shown.err;
  for (const char* part :
       {"-- Tuesday, 2020-05-12 --", "* 09:15  tel:+33600000002: Hello,\n         how are you?", "  09:16  me: Fine. ",
        "delivered 2020-05-12 09:17, read 2020-05-12 09:18", "[cat.png, image/png", "3 messages, 2 unread"})
    EXPECT_TRUE(holds(shown.out, part)) << part << "\n" << shown.out;
  EXPECT_FALSE(holds(shown.out, "\x1b"));
  const Json object = json({"conversation", "show", kAlice, kBob}).json();
  ASSERT_EQ(object["messages"].size(), 5U);
  EXPECT_EQ(object["messages"][0]["text"], "Hello,\nhow are you?");
  EXPECT_EQ(object["messages"][0]["unread"], true);
  EXPECT_EQ(object["messages"][1]["reports"][1]["disposition"], "displayed");
  const std::string thread = object["conversation"]["threadid"];
  EXPECT_EQ(ctl({"conversation", "show", kAlice, thread}).out, shown.out);
  EXPECT_EQ(ctl({"conversation", "show", kAlice, "nobody"}).code, kNotFound);
  EXPECT_EQ(ctl({"conversation", "show", kAlice, "T0000000000000000"}).code, kNotFound);
}

TEST_F(CtlConversation, SessionsBeginAndEndInTheTranscript) {
  const std::string session = "Default/conv1/sess11";
  import(
      session,
      "From: <sip:alice@example.net>\nDate: Mon, 04 May 2020 08:30:00 +0000\nSubject: lunch\nConversation-ID: conv1\n"
      "Contribution-ID: sess11\nContent-Type: multipart/related;boundary=cpm; type=\"Application/X-CPM-Session\"\n\n"
      "--cpm\nContent-Type: Application/X-CPM-Session\n\n<session-type>Ad-Hoc</session-type>\n"
      "<invited-participants>sip:bob@example.net; sip:carol@example.net</invited-participants>\n--cpm--\n",
      "08:30:00");
  import(session,
         "From: <sip:bob@example.net>\nTo: <sip:alice@example.net>\nDate: Mon, 04 May 2020 08:31:00 +0000\n"
         "Conversation-ID: conv1\nContribution-ID: sess11\nMessage-ID: x1\nContent-Type: text/plain\n\nAt noon?\n",
         "08:31:00");
  const std::string out = ctl({"conversation", "show", kAlice, "conv1"}).out;
  EXPECT_TRUE(holds(out, "08:30  -- session begins: Ad-Hoc; lunch; with ")) << out;
  EXPECT_TRUE(holds(out, "sip:bob@example.net: At noon?")) << out;
  EXPECT_TRUE(holds(out, "08:31  -- session ends --")) << out;
}

TEST_F(CtlConversation, ExportsOnePageInWhichNothingRuns) {
  text("m1", "received", "09:15:00", "<script>alert(1)</script> & 'more'");
  file("f1", "cat.png", "image/png", "iVBORw0K");
  file("f2", "\\\"><script>.svg", "image/svg+xml", "PHN2Zy8+");
  file("f3", "../../page.html", "text/html", "PGI+");
  file("f4", "song.mp3", "audio/mpeg", "AAAA");
  const std::string to = folder_.path("bob.html");
  const Outcome done = json({"conversation", "export", kAlice, kBob, "--format", "html", "--to", to});
  ASSERT_EQ(done.code, kOk) << done.err;
  EXPECT_EQ(done.json()["messages"], 5);
  const std::string page = folder_.read("bob.html");
  EXPECT_TRUE(holds(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;more&#39;")) << page;
  EXPECT_FALSE(holds(page, "<script"));
  EXPECT_TRUE(holds(page, "<img alt=\"cat.png\" src=\"data:image/png;base64,iVBORw0K\">")) << page;
  EXPECT_TRUE(holds(page, "src=\"data:audio/mpeg;base64,AAAA\"></audio>")) << page;
  EXPECT_TRUE(holds(page, "href=\"data:application/octet-stream;base64,PHN2Zy8+\"")) << page;
  EXPECT_FALSE(holds(page, "data:image/svg"));
  EXPECT_FALSE(holds(page, "data:text"));
  EXPECT_FALSE(holds(page, "../"));
  EXPECT_FALSE(holds(page, "http:"));
  EXPECT_FALSE(holds(page, "https:"));
  EXPECT_EQ(ctl({"conversation", "export", kAlice, kBob, "--format", "html", "--to", to}).code, kExists);
}

TEST_F(CtlConversation, ExportsJsonWithMedia) {
  text("m1", "received", "09:15:00", "caf\xc3\xa9");
  file("f1", "cat.png", "image/png", "iVBORw0KGgo=");
  const Outcome done = ctl({"conversation", "export", kAlice, kBob, "--format", "json", "--to", "-"});
  ASSERT_EQ(done.code, kOk) << done.err;
  const Json archive = done.json();
  EXPECT_EQ(archive["format"], 1);
  EXPECT_EQ(archive["conversation"]["name"], kBob);
  ASSERT_EQ(archive["messages"].size(), 2U);
  EXPECT_EQ(archive["messages"][0]["text"], "caf\xc3\xa9");
  EXPECT_EQ(archive["messages"][1]["files"][0]["octets_base64"], "iVBORw0KGgo=");
  EXPECT_EQ(archive["messages"][1]["files"][0]["type"], "image/png");
  EXPECT_EQ(archive["messages"][1]["files"][0]["octets"], 8);
}

TEST_F(CtlConversation, ReindexFindsWhatAnOlderVersionDidNotKeep) {
  text("m1", "received", "09:15:00", "Hello");
  text("m2", "sent", "09:16:00", "Hello yourself");
  report("m2", "read", "09:18:00");
  import("INBOX", "From: a@example.net\nSubject: mail\n\nNothing of CPM\n");
  const Json before = json({"conversation", "show", kAlice, kBob}).json();
  // As after the migration of a store of an older version.
  test_.execute("delete from cpm_object");
  test_.execute("delete from conversation");
  test_.execute("update message set conversation_id = null, talk = null");
  test_.execute("update mailbox set has_objects = false");
  test_.execute("update content_head set imdn_id = null, thread_id = null");
  EXPECT_EQ(json({"conversation", "list", kAlice}).json()["conversations"].size(), 0U);
  const Outcome done = json({"conversation", "reindex", "--all"});
  ASSERT_EQ(done.code, kOk) << done.err;
  EXPECT_EQ(done.json()["messages"], 4);
  EXPECT_EQ(done.json()["objects"], 3);
  EXPECT_EQ(done.json()["changed"], 3);
  EXPECT_EQ(json({"conversation", "show", kAlice, kBob}).json(), before);
  EXPECT_EQ(ctl({"db", "check", "--digests"}).code, kOk);
  EXPECT_EQ(json({"conversation", "reindex", kAlice}).json()["changed"], 0);
  EXPECT_EQ(json({"conversation", "show", kAlice, kBob}).json(), before);
  EXPECT_EQ(ctl({"conversation", "reindex"}).code, kUsage);
  EXPECT_EQ(ctl({"conversation", "reindex", kAlice, "--all"}).code, kUsage);
}

TEST_F(CtlConversation, ReindexTakesAContentFromItsHistory) {
  text("m1", "received", "09:15:00", "Hello");
  ASSERT_EQ(ctl({"mailbox", "copy", kAlice, kHistory, "Archive"}).code, kOk);
  EXPECT_EQ(json({"conversation", "reindex", kAlice}).json()["messages"], 1);
  EXPECT_EQ(json({"conversation", "list", kAlice}).json()["conversations"][0]["name"], kBob);
  EXPECT_EQ(ctl({"db", "check"}).code, kOk);
}

TEST_F(CtlConversation, Mss51AppliesEventDocuments) {
  text("m1", "received", "09:15:00", "Hello");
  const std::string event =
      "<cpm-evfw xmlns=\"urn:oma:xml:cpm:evfw\"><event-cpm-imap type=\"flags\" index=\"0\">"
      "<operation name=\"add\" flag=\"\\Seen\">"
      "<object uid=\"1\" folder-path=\"Default/tel:+33600000002/\"><message-id>m1</message-id></object>"
      "<object><message-id>gone</message-id></object></operation></event-cpm-imap></cpm-evfw>";
  const Outcome applied = json({"conversation", "apply-event", kAlice, "-"}, event);
  ASSERT_EQ(applied.code, kOk) << applied.err;
  EXPECT_EQ(applied.json()["applied"], 1);
  EXPECT_EQ(applied.json()["not_found"], 1);
  EXPECT_EQ(applied.json()["objects"][0]["places"][0]["mailbox"], kHistory);
  EXPECT_EQ(json({"conversation", "list", kAlice}).json()["conversations"][0]["unread"], 0);
  const std::string file = folder_.write("event.xml", event);
  const Outcome again = ctl({"conversation", "apply-event", kAlice, file});
  EXPECT_TRUE(holds(again.out, "unchanged: +\\Seen m1")) << again.out;
  EXPECT_TRUE(holds(again.out, "0 applied, 1 unchanged, 1 not found")) << again.out;
  EXPECT_NE(ctl({"conversation", "apply-event", kAlice, "-"}, "<html/>").code, kOk);
  EXPECT_EQ(ctl({"conversation", "apply-event", kAlice, folder_.path("none")}).code, kNotFound);
}

TEST_F(CtlConversation, Mss15CopiesAHistory) {
  text("m1", "received", "09:15:00", "Hello");
  const Outcome copied = json({"mailbox", "copy", kAlice, "Default", "Kept/2020"});
  ASSERT_EQ(copied.code, kOk) << copied.err;
  EXPECT_EQ(copied.json()["messages"], 1);
  EXPECT_EQ(copied.json()["mailboxes"].size(), 2U);
  EXPECT_EQ(copied.json()["mailboxes"][1]["to"], "Kept/2020/tel:+33600000002");
  EXPECT_EQ(ctl({"mailbox", "copy", kAlice, "Default", "Kept/2020"}).code, kExists);
  EXPECT_EQ(ctl({"mailbox", "copy", kAlice, "Nothing", "x"}).code, kNotFound);
  EXPECT_EQ(ctl({"mailbox", "copy", kAlice, "Default", "Default/x"}).code, kUsage);
}

TEST(ConversationObject, FileNamesAreHarmless) {
  EXPECT_EQ(plain_file_name("../../etc/passwd"), "passwd");
  EXPECT_EQ(plain_file_name("C:\\cat.jpg"), "cat.jpg");
  EXPECT_EQ(plain_file_name("photo\u202egpj.exe"), "photogpj.exe");
  EXPECT_EQ(plain_file_name("a\nb\"c<d>"), "abcd");
  EXPECT_EQ(plain_file_name("..."), "file");
  EXPECT_EQ(plain_file_name(""), "file");
  EXPECT_EQ(plain_file_name("\u00e9t\u00e9.png"), "\u00e9t\u00e9.png");
}

TEST(ConversationObject, OnlyMediaOfTheListAreShown) {
  EXPECT_EQ(inline_media("image/png"), InlineMedia::image);
  EXPECT_EQ(inline_media("video/mp4"), InlineMedia::video);
  EXPECT_EQ(inline_media("audio/amr"), InlineMedia::audio);
  for (const char* type : {"image/svg+xml", "text/html", "application/pdf", "image/png\" onload=\"x", ""})
    EXPECT_EQ(inline_media(type), InlineMedia::none) << type;
}

TEST(ConversationObject, Base64InPieces) {
  std::string out;
  Base64 base64([&](std::string_view piece) { out += piece; });
  for (const char* piece : {"a", "", "bcd", "efgh", "ij"}) base64.feed(piece);
  base64.finish();
  EXPECT_EQ(out, "YWJjZGVmZ2hpag==");
}

}  // namespace
}  // namespace cpm::admin
