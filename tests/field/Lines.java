// SPDX-License-Identifier: MIT
// Lines.java - a server with one thread per connection; sends each line back with "!", and
// answers a request of HTTP with a page of one line, for clients that know no better.
import java.io.*;
import java.net.*;

public class Lines {
	static final byte[] PAGE = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nline\n".getBytes();

	static void serve(Socket s) {
		try (s) {
			BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream()));
			OutputStream out = s.getOutputStream();
			String line;
			while ((line = in.readLine()) != null) {
				if (line.startsWith("GET /")) {
					while (!in.readLine().isEmpty())
						;
					out.write(PAGE);
				} else {
					out.write((line + "!\n").getBytes());
				}
			}
		} catch (IOException | NullPointerException e) {
			// The client has gone.
		}
	}

	public static void main(String[] args) throws Exception {
		try (ServerSocket s = new ServerSocket(Integer.parseInt(args[0]), 4096)) {
			while (true) {
				Socket c = s.accept();
				c.setTcpNoDelay(true);
				new Thread(() -> serve(c)).start();
			}
		}
	}
}
